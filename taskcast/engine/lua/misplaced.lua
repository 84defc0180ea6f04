-- include: slots
-- ARGV: jobs. Each whose record names a place where it does not stand is put back there: a waiting job to the front of
-- its lane, a delayed one is due now, a running one is its worker's again. Answers id and "lane", "due" or "worker".
local answers, places, seen = {}, {}, {}
if #ARGV > 1 + MOST then return redis.error_reply('ERR at most 500 jobs a call') end
for i = 2, #ARGV do
  local id = ARGV[i]
  local r = call('HMGET', TAG .. JOB .. id, 's', 'a', 'w', 'q', 'z', 'c', 'v', 'f')
  local state, place, key = not r[8] and r[1], nil, nil
  if state == 'queued' then
    local lane = TAG .. LANE .. r[4]
    key = r[5] and r[5] ~= '-' and open_slots().list(r[5], r[4]) or lane
    if not call('LPOS', key, id) then
      call('LLEN', lane)
      call('SCARD', TAG .. LANES)
      key, place = lane, 'lane'
    end
  elseif state == 'scheduled' or state == 'retrying' then
    key = TAG .. DELAYED
    place = not call('ZSCORE', key, id) and 'due'
  elseif state == 'running' then
    key = TAG .. HELD .. r[3]
    place = not call('HGET', key, id) and 'worker'
    call('ZCARD', TAG .. WORKERS)
  end
  if place and not seen[id] then
    seen[id] = true
    insert(places, {id = id, place = place, key = key, record = r})
    insert(answers, id)
    insert(answers, place)
  end
end

if #places > 0 then free() end
for _, job in ipairs(places) do
  local r = job.record
  if job.place == 'lane' then
    call('LPUSH', job.key, job.id)
    call('SADD', TAG .. LANES, r[4]) -- what stands nowhere was not counted: its lane may be forgotten
    if r[5] then call('HSET', TAG .. JOB .. job.id, 'z', '-') end
    ring(queue_of(r[4]))
  elseif job.place == 'due' then
    call('ZADD', job.key, now, job.id)
  else
    call('HSET', job.key, job.id, r[2] .. ' 0' .. (r[6] and r[7] ~= r[2] and ' c' or ''))
    if call('ZADD', TAG .. WORKERS, 'NX', now, r[3]) == 1 then call('HSETNX', job.key, '@', 'stopped') end
  end
end
return answers
