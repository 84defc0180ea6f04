-- include: slots
-- ARGV: lease_ms, limit. Takes back the jobs of workers whose lease is gone; answers how many.
local lease_ms, limit = tonumber(ARGV[2]), math.min(tonumber(ARGV[3]), MOST)
local run = call('HMGET', TAG .. RUN, 'id', 'since')
local info = pcall('INFO', 'server')
local run_id = type(info) == 'string' and match(info, 'run_id:(%x+)')
local since = tonumber(run[2] or 0)
check_counts()
call('ZCARD', TAG .. WORKERS)
local percent, measured = pressure()
if measured then
  free()
  keep_pressure(percent)
end
if run_id and run[1] ~= run_id then -- a server that was away: leases ran out while nobody could renew them
  since = run[1] and now or now - match(info, 'uptime_in_seconds:(%d+)') * 1000
  free()
  call('HSET', TAG .. RUN, 'id', run_id, 'since', since)
end
if now - since < lease_ms then return 0 end

local gone, jobs = {}, {}
for _, worker in ipairs(call('ZRANGE', TAG .. WORKERS, 0, -1)) do
  if #jobs >= limit then break end
  if call('EXISTS', TAG .. LEASE .. worker) == 0 then
    local flat, dead = call('HGETALL', TAG .. HELD .. worker), {worker = worker, fields = {}, all = true}
    for i = 1, #flat, 2 do
      local id, attempt = flat[i], match(flat[i + 1], '^(%d+)')
      if id == '@' then
        dead.identity = flat[i + 1]
      elseif not match(id, '^[#!]') then
        if #jobs >= limit then
          dead.all = false
          break
        end
        insert(dead.fields, id)
        local r = call('HMGET', TAG .. JOB .. id, 's', 'a', 'w', 'q', 'h', 'r', 'c', 'l', 'o', 'k', 'y', 'n')
        if r[1] == 'running' and r[2] == attempt and r[3] == worker then
          local job = {id = id, attempt = attempt, lane = r[4], deliveries = (r[8] or 0) + 1, life = r[11], asked = r[7]}
          job_event('job.lost', r[5], attempt, '{"worker":' .. cjson.encode(worker) .. ',"deliveries":' .. job.deliveries .. '}')
          if r[7] then
            job.state = 'cancelled'
            job.x = move('running', 'cancelled', r[5], attempt, r[7])
          elseif job.deliveries >= tonumber(match(r[9], '^%d+ (%d+)')) then
            job.state, job.text = 'failed', 'the worker was lost ' .. job.deliveries .. ' times while it ran this job'
            job.x = move('running', 'failed', r[5], attempt,
              '{"error":{"type":"WorkerLost","message":"' .. job.text .. '"},"final_reason":"worker_lost"}')
          else
            job.state = 'queued'
            job.x = move('running', 'queued', r[5], attempt, '{' .. r[6] .. ',"reason":"reclaimed","by":null}')
            call('LLEN', TAG .. LANE .. r[4])
            job.waits = r[12] and open_slots().wait_again(r[12], id, r[4])
          end
          if job.state ~= 'queued' then job.key, job.task = owns_key(r[10], id) and r[10], task_id(id) end
          count(r[4], 'running', -1)
          if r[12] then open_slots().free(r[12], id) end
          jobs[#jobs + 1] = job
        end
      end
    end
    if dead.all and dead.identity ~= 'stopped' then
      local identity = dead.identity or '{"worker":' .. cjson.encode(worker) .. ',"host":"","pid":0}'
      event('worker.stopped', ',"data":' .. with(identity, '"lost":true'))
    end
    insert(gone, dead)
  end
end

for _, dead in ipairs(gone) do
  if dead.all then
    call('DEL', TAG .. HELD .. dead.worker)
    call('ZREM', TAG .. WORKERS, dead.worker)
  elseif #dead.fields > 0 then
    call('HDEL', TAG .. HELD .. dead.worker, unpack(dead.fields))
  end
end
local front = {}
for _, job in ipairs(jobs) do
  if job.state == 'queued' then
    call('HDEL', TAG .. JOB .. job.id, 'w', 'g', 'v')
    call('HSET', TAG .. JOB .. job.id, 's', 'queued', 'l', job.deliveries, 'x', job.x)
    if job.waits == '-' then call('HSET', TAG .. JOB .. job.id, 'z', '-') end
    if not job.waits or job.waits == '-' then
      front[job.lane] = front[job.lane] or {}
      insert(front[job.lane], 1, job.id)
    end
  else
    call('DEL', TAG .. JOB .. job.id)
    if job.key then call('DEL', TAG .. DEDUP .. job.key) end
    bury(job.id, job.state, job.attempt, job.x, job.life, '-')
    if job.text then leave_error(job.task, 'WorkerLost', job.text) else leave_cancelled(job.task, job.asked) end
  end
end
for lane, ids in pairs(front) do
  call('LPUSH', TAG .. LANE .. lane, unpack(ids))
  ring(queue_of(lane))
end
if slots then slots.write() end
emit()
return #jobs
