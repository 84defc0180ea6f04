-- include: slots
-- ARGV: job, token, {"by","reason"}. Answers cancelled (it waited), requested (it runs), final, unknown or
-- observed (it is another broker's).
local id, token, asked = ARGV[2], ARGV[3], ARGV[4]
local r = call('HMGET', TAG .. JOB .. id, 's', 'a', 'w', 'q', 'h', 'c', 'k', 'y', 'z', 'n', 'f')
local state, attempt, worker, lane = r[1], r[2] or '0', r[3], r[4]
if not state then
  local tomb = tombstone(id)
  if not tomb or tomb.state == 'duplicate' then return 'unknown' end
  return tomb.by == 'cancel:' .. token and 'cancelled' or 'final'
end
if r[11] then return 'observed' end
check_counts()
if state == 'running' then
  local held = TAG .. HELD .. worker
  local mark = call('HGET', held, id)
  if not r[6] then
    job_event('job.cancel_requested', r[5], attempt, asked)
    free()
    call('HSET', TAG .. JOB .. id, 'c', asked)
    if mark then call('HSET', held, id, match(mark, '^%d+ %d+') .. ' c', '!', '1') end
    emit()
  end
  pcall('PUBLISH', TAG .. CONTROL, '{"cancel":' .. cjson.encode(id) .. ',"attempt":' .. attempt .. ',"worker":' .. cjson.encode(worker) .. '}')
  return 'requested'
end
local key, task = owns_key(r[7], id) and r[7], task_id(id)
local x = move(state, 'cancelled', r[5], attempt, asked)
if state == 'queued' then
  open_slots().take_out(id, lane, r[9], r[10])
else
  count(lane, state, -1)
  call('ZREM', TAG .. DELAYED, id)
end
call('DEL', TAG .. JOB .. id)
if key then call('DEL', TAG .. DEDUP .. key) end
bury(id, 'cancelled', attempt, x, r[8], 'cancel:' .. token)
leave_cancelled(task, asked)
if slots then slots.write() end
emit()
return 'cancelled'
