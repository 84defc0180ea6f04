-- Jobs that leave their worker without an end: back to the front of their lane, or cancelled if that was asked for.
local back, back_held, back_front = {}, {}, {}

-- Reads and tells; false if the attempt is not this worker's. A job that was not begun gives its attempt back.
local function give_back(worker, id, attempt, begun, reason)
  local r = call('HMGET', TAG .. JOB .. id, 's', 'a', 'w', 'q', 'h', 'r', 'c', 'k', 'y', 'n')
  if r[1] ~= 'running' or r[2] ~= attempt or r[3] ~= worker then return false end
  local lane = r[4]
  local job = {id = id, lane = lane, life = r[9], attempt = begun and attempt or tostring(attempt - 1)}
  if r[7] then
    job.ended, job.key, job.task, job.asked = true, owns_key(r[8], id) and r[8], task_id(id), r[7]
    job.x = move('running', 'cancelled', r[5], attempt, r[7])
    job.attempt = attempt
  else
    call('LLEN', TAG .. LANE .. lane)
    job.x = move('running', 'queued', r[5], job.attempt, '{' .. r[6] .. ',"reason":"' .. reason .. '","by":null}')
    job.waits = r[10] and open_slots().wait_again(r[10], id, lane)
    if not job.waits or job.waits == '-' then
      back_front[lane] = back_front[lane] or {}
      insert(back_front[lane], 1, id)
    end
  end
  count(lane, 'running', -1)
  if r[10] then open_slots().free(r[10], id) end
  back[#back + 1] = job
  back_held[#back_held + 1] = id
  return true
end

local function write_back(worker)
  if #back == 0 then return end
  for i = 1, #back_held, MOST do call('HDEL', TAG .. HELD .. worker, unpack(back_held, i, math.min(i + MOST - 1, #back_held))) end
  for _, job in ipairs(back) do
    if job.ended then
      call('DEL', TAG .. JOB .. job.id)
      if job.key then call('DEL', TAG .. DEDUP .. job.key) end
      bury(job.id, 'cancelled', job.attempt, job.x, job.life, worker)
      leave_cancelled(job.task, job.asked)
    else
      call('HDEL', TAG .. JOB .. job.id, 'w', 'g', 'v')
      call('HSET', TAG .. JOB .. job.id, 's', 'queued', 'a', job.attempt, 'x', job.x)
      if job.waits == '-' then call('HSET', TAG .. JOB .. job.id, 'z', '-') end
    end
  end
  for lane, ids in pairs(back_front) do
    for i = 1, #ids, MOST do call('LPUSH', TAG .. LANE .. lane, unpack(ids, i, math.min(i + MOST - 1, #ids))) end
    ring(queue_of(lane))
  end
end
