-- include: slots
-- ARGV: token, queue, {"by","reason"}. Cancels up to 500 jobs of a queue that wait or are held back.
-- Answers how many, and how many are left.
local queue, asked = ARGV[3], ARGV[4]
local told = call('GET', TAG .. TOLD .. ARGV[2])
if told then
  local cancelled, left = match(told, '^(%d+) (%d+)$')
  return {tonumber(cancelled), tonumber(left)}
end
check_counts()
local lists, jobs, there, found = {}, {}, 0, 0
local function look(list, lane, member)
  local length = call('LLEN', list)
  there = there + length
  local n = math.min(length, MOST - found)
  if n == 0 then return end
  found = found + n
  insert(lists, {name = list, n = n, member = n == length and member})
  if member then count(lane, 'held', -n) end
  for _, id in ipairs(call('LRANGE', list, 0, n - 1)) do
    local r = call('HMGET', TAG .. JOB .. id, 's', 'a', 'h', 'k', 'y', 'n', 'z')
    if r[1] == 'queued' and not jobs[id] then
      jobs[id] = true
      local attempt = r[2] or '0'
      local c = r[7] == '-' and open_slots().limits(r[6]).c
      if c then slots.reopen(c[1]) end
      insert(jobs, {id = id, task = task_id(id), attempt = attempt, life = r[5], key = owns_key(r[4], id) and r[4], x = move('queued', 'cancelled', r[3], attempt, asked)})
    end
  end
end
for priority = 4, 1, -1 do look(TAG .. LANE .. queue .. ':' .. priority, queue .. ':' .. priority) end
for _, member in ipairs(call('ZRANGE', TAG .. HOLDS, 0, -1)) do
  local key, lane = match(member, '^(.*)\n(.*)$')
  if queue_of(lane) == queue then look(open_slots().list(key, lane), lane, member) end
end

for _, list in ipairs(lists) do
  call('LTRIM', list.name, list.n, -1)
  if list.member then call('ZREM', TAG .. HOLDS, list.member) end
end
for _, job in ipairs(jobs) do
  call('DEL', TAG .. JOB .. job.id)
  if job.key then call('DEL', TAG .. DEDUP .. job.key) end
  bury(job.id, 'cancelled', job.attempt, job.x, job.life, '-')
  leave_cancelled(job.task, asked)
end
free()
if slots then slots.write() end
call('SET', TAG .. TOLD .. ARGV[2], #jobs .. ' ' .. there - found, 'PX', DUPLICATE_MS)
emit()
return {#jobs, there - found}
