-- include: slots
-- ARGV: worker, expiry of results in s, then per end: job, attempt, state, data, delay_ms, ended_ago_ms, number of the
-- first log line, key of the result (or ''), result, count of items, kind and data of each. The state `uncounted` is a
-- `retrying` that is no error of the job's. Answers per end: 1 done, 2 already (a repeat), 0 refused (not the owner).
local worker, answers, todo, seen = ARGV[2], {}, {}, {}
local held, records = {}, {}
local delayed = false
check_counts()
call('HLEN', TAG .. HELD .. worker)
local i = 4
while i <= #ARGV do
  local id, attempt, state, data = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local n, by = tonumber(ARGV[i + 9]), 1
  if state == 'uncounted' then state, by = 'retrying', 0 end
  local r = call('HMGET', TAG .. JOB .. id, 's', 'a', 'w', 'q', 'h', 'c', 'g', 'k', 'y', 'n')
  if seen[id] then
    answers[#answers + 1] = seen[id] == attempt and 2 or 0
  elseif r[1] == 'running' and r[2] == attempt and r[3] == worker then
    seen[id] = attempt
    answers[#answers + 1] = 1
    local head = r[5]
    if n > 0 then
      local line, mark = tonumber(ARGV[i + 6]), tonumber(r[7] or 0)
      for k = i + 10, i + 8 + 2 * n, 2 do
        if ARGV[k] == 'logged' then
          if line > mark then job_event('job.logged', head, attempt, ARGV[k + 1]) end
          line = line + 1
        else
          job_event('job.progressed', head, attempt, ARGV[k + 1])
        end
      end
    end
    local ago = tonumber(ARGV[i + 5])
    local job = {id = id, attempt = attempt, lane = r[4], life = r[9], at = i}
    if state == 'retrying' and r[6] then state = 'cancelled' end -- a job that was asked to stop never gets another try
    if state == 'cancelled' and r[6] then
      local asked, told = cjson.decode(r[6]), cjson.decode(data)
      asked.duration_ms = told.duration_ms
      data = cjson.encode(asked)
    elseif state == 'retrying' then
      local more = call('HMGET', TAG .. JOB .. id, 'e', 'o')
      job.errors = (more[1] or 0) + by
      job.due = math.max(now, now + tonumber(ARGV[i + 4]) - ago)
      data = with(data, '"run_at":"' .. iso(job.due) .. '","errors":' .. job.errors .. ',"max_attempts":' .. match(more[2], '^%d+'))
      delayed = true
    end
    if ago > 0 then data = with(data, '"ended_ago_ms":' .. ago) end
    job.state = state
    job.x = move('running', state, head, attempt, data)
    if r[8] and state ~= 'retrying' and owns_key(r[8], id) then job.key = r[8] end
    count(r[4], 'running', -1)
    if r[10] then open_slots().free(r[10], id) end
    if state == 'retrying' then count(r[4], 'retrying', 1) else records[#records + 1] = TAG .. JOB .. id end
    held[#held + 1] = id
    todo[#todo + 1] = job
  else
    local again = false
    if r[1] then again = call('HGET', TAG .. JOB .. id, 'u') == attempt .. ' ' .. worker end
    if not again then
      local tomb = tombstone(id)
      again = tomb and tomb.attempt == attempt and tomb.by == worker
    end
    answers[#answers + 1] = again and 2 or 0
  end
  i = i + 10 + 2 * n
end
if #todo > MOST then return redis.error_reply('ERR at most 500 ends a call') end
if #todo == 0 then return answers end
if delayed then call('ZCARD', TAG .. DELAYED) end

call('HDEL', TAG .. HELD .. worker, unpack(held)) -- frees, so that all that follows works on a full server
if #records > 0 then call('DEL', unpack(records)) end
for _, job in ipairs(todo) do
  if job.due then
    local record = TAG .. JOB .. job.id
    call('HDEL', record, 'w', 'g', 'v')
    call('HSET', record, 's', 'retrying', 'e', job.errors, 'x', job.x, 'u', job.attempt .. ' ' .. worker)
    call('ZADD', TAG .. DELAYED, job.due, job.id)
  else
    bury(job.id, job.state, job.attempt, job.x, job.life, worker)
    if ARGV[job.at + 7] ~= '' then call('SET', TAG .. RESULT .. ARGV[job.at + 7], ARGV[job.at + 8], 'EX', ARGV[3]) end
    if job.key then call('DEL', TAG .. DEDUP .. job.key) end
  end
end
if slots then slots.write() end
emit()
return answers
