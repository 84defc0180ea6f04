-- include: accept
-- ARGV from 2 on: twelve arguments per job, see accept.lua.
-- Answers per job: 1 accepted, 0 known (this id was accepted within the last hour), or the id of the job that stands.
local answers, seen, duplicates = {}, {}, {}
if (#ARGV - 1) / 12 > MOST then return redis.error_reply('ERR at most 500 jobs a call') end
local refused = full()
if refused then return refused end
for i = 2, #ARGV, 12 do
  local id = ARGV[i]
  if seen[id] then
    answers[#answers + 1] = seen[id]
  elseif call('EXISTS', TAG .. JOB .. id, TAG .. TOMB .. id) > 0 then
    local tomb = tombstone(id)
    seen[id] = tomb and tomb.state == 'duplicate' and call('EXISTS', TAG .. JOB .. id) == 0 and tomb.life or 0
    answers[#answers + 1] = seen[id]
  else
    local stands = holder(i)
    if stands then
      local record = call('HMGET', TAG .. JOB .. stands, 'h', 'a')
      local head = record[1]
      for _, job in ipairs(fresh) do if ARGV[job.i] == stands then head = ARGV[job.i + 3] end end
      duplicates[#duplicates + 1] = {id, job_event('job.deduplicated', head, record[2] or '0', '{"by":' .. ARGV[i + 5] .. '}'), stands}
      answers[#answers + 1] = stands
      seen[id] = stands
    else
      accept(i, 'new', 'enqueued')
      answers[#answers + 1] = 1
      seen[id] = 0
    end
  end
end
write_fresh()
for _, d in ipairs(duplicates) do
  call('SET', TAG .. TOMB .. d[1], 'duplicate 0 ' .. d[2] .. ' ' .. d[3] .. ' -', 'PX', DUPLICATE_MS)
end
emit(messages)
return answers
