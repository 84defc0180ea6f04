-- include: due, slots, giveback, claims, holds, limits
-- ARGV: worker, want, number, known, started, count of queues (-1: all), queues, count of held (-1: unsaid), pairs.
-- Answers: lease held (1 or 0), ms until there may be more (-1: when the bell rings), taken (six each), lost (two each), cancels (three each).
local worker, want, number, known = ARGV[2], math.min(tonumber(ARGV[3]), MOST), tonumber(ARGV[4]), tonumber(ARGV[5])
local started, queue_count = ARGV[6], tonumber(ARGV[7])
local claims_at = 8 + math.max(queue_count, 0)
local held_key = TAG .. HELD .. worker
local BYTES = 16777216 -- of messages per call: the reply lies in the server's memory as a whole

-- One call asks two things: a key that is named three times counts three times.
local lease = TAG .. LEASE .. worker
local there = call('EXISTS', lease, lease, lease, TAG .. PAUSED, TAG .. WAKES)
if there < 3 then return {0, -1, {}, {}, {}} end
local marks = call('HMGET', held_key, '#', '!')
local last = tonumber(marks[1] or -1)
if number < last then return {1, next_due(), {}, {}, {}} end -- came late by a dead connection: nobody waits for it
if number == last then -- a repeat: the same answer again
  local taken, flat = {}, call('HGETALL', held_key)
  for i = 1, #flat, 2 do
    local attempt, take = match(flat[i + 1], '^(%d+) (%d+)')
    if take == ARGV[4] and not match(flat[i], '^[#!@]') then
      local r = call('HMGET', TAG .. JOB .. flat[i], 'b', 'e', 'o', 'c', 'q')
      if r[1] then
        for _, value in ipairs({flat[i], attempt, r[1], r[2] or '0', r[3] .. ' ' .. r[5], r[4] or ''}) do insert(taken, value) end
      end
    end
  end
  return {1, next_due(), taken, {}, {}}
end

find_due(100)
compare(worker, known, claims_at, marks[2])
if want > 0 and (slots or there > 3) then
  open_limits()
  holds.find_wakes()
end

-- Lanes with something in them; critical before low, so that equal shares begin with the urgent.
local STRIDES = {['4'] = 1, ['3'] = 3, ['2'] = 9, ['1'] = 27}
local entries, total = {}, 0
local function look(lane)
  local queue, front, due_now = queue_of(lane), holds and holds.returned_in[lane], due_in[lane]
  local length = call('LLEN', TAG .. LANE .. lane) + (front and #front or 0) + (due_now and #due_now or 0)
  if length > 0 and not (holds and holds.is_paused('q:' .. queue)) then
    insert(entries, {lane = lane, queue = queue, priority = sub(lane, -1), left = length, popped = 0, ids = front or {}, at = 0, read = 0})
    total = total + length
  end
end
if want > 0 then
  if queue_count < 0 then for _, lane in ipairs(call('SMEMBERS', TAG .. LANES)) do look(lane) end end
  for i = 8, 7 + queue_count do
    for priority = 4, 1, -1 do look(ARGV[i] .. ':' .. priority) end
  end
  table.sort(entries, function(a, b)
    if a.priority ~= b.priority then return a.priority > b.priority end
    return a.queue < b.queue
  end)
end

-- Stride scheduling: each pick goes to the queue, then to its lane, with the least pass. One that was empty does not
-- save up: it begins at the time of the others. Where nobody has to wait for another, for a slot or for a place under
-- a limit, nothing is counted.
local list, clock = {}, nil
local counted = #entries > 1 and (total > want or holds)
if counted then
  local queues, fields = {}, {'*'}
  for _, e in ipairs(entries) do
    local q = queues[e.queue]
    if not q then
      q = {name = e.queue, lanes = {}, left = 0}
      queues[e.queue] = q
      insert(list, q)
    end
    insert(q.lanes, e)
    q.left = q.left + e.left
  end
  for _, q in ipairs(list) do
    insert(fields, q.name)
    insert(fields, q.name .. ':*')
    for _, e in ipairs(q.lanes) do insert(fields, e.lane) end
  end
  local passes, known_passes = call('HMGET', TAG .. SHARES, unpack(fields)), {}
  for i, field in ipairs(fields) do known_passes[field] = tonumber(passes[i] or 0) end
  clock = known_passes['*']
  for _, q in ipairs(list) do
    q.pass, q.clock = known_passes[q.name], known_passes[q.name .. ':*']
    for _, e in ipairs(q.lanes) do e.pass = known_passes[e.lane] end
  end
end

-- A job that is held back costs its lane no share, and the scan goes on past it.
local taken, changed, owned, came_back, seen, bytes, looked = {}, {}, {}, {}, {}, 0, 0
local prefix = sub(started, 1, -2) .. ',"waited_ms":'
local free_slots, first, step = want, 1, math.min(want, math.ceil(2 * want / math.max(#entries, 1)))
while free_slots > 0 and total > 0 and looked < MOST and bytes <= BYTES do
  local q, e, least, low
  if counted then
    for _, other in ipairs(list) do
      local pass = math.max(other.pass, clock)
      if other.left > 0 and (not q or pass < least) then q, least = other, pass end
    end
    for _, other in ipairs(q.lanes) do
      local pass = math.max(other.pass, q.clock)
      if other.left > 0 and (not e or pass < low) then e, low = other, pass end
    end
    q.left = q.left - 1
  else
    while entries[first].left == 0 do first = first + 1 end
    e = entries[first]
  end
  -- The next of the lane: what came back, what stands in its list, what became due.
  looked, total, e.left, e.popped, e.at = looked + 1, total - 1, e.left - 1, e.popped + 1, e.at + 1
  if not e.ids[e.at] then
    e.ids, e.at = call('LRANGE', TAG .. LANE .. e.lane, e.read, e.read + step - 1), 1
    e.read, step = e.read + #e.ids, math.min(2 * step, MOST)
    if #e.ids == 0 then e.ids = due_in[e.lane] end
  end
  local id = e.ids[e.at]
  local r = call('HMGET', TAG .. JOB .. id, 's', 'a', 'x', 'h', 'b', 'e', 'o', 'n')
  local x = due_seq[id] or r[3] -- promoted by this very call
  if (due_seq[id] or r[1] == 'queued') and not seen[id] then -- else an entry without a waiting job: it leaves, no more
    seen[id] = true
    local obstacle, back
    if r[8] or (limits and limits.tasks_paused) then
      back = holds and holds.returned[id] or call('HGET', TAG .. JOB .. id, 'z') == '-'
      obstacle = open_limits().obstacle(id, e.lane, r[4], r[8], back)
    end
    if obstacle then
      limits.hold_back(obstacle, id, e.lane, r[8], back)
    else
      if back then insert(came_back, id) end
      if counted then
        clock, q.pass = least, least + 1
        q.clock, e.pass = low, low + STRIDES[e.priority]
      end
      local attempt = tostring((r[2] or 0) + 1)
      local waited = math.max(0, now - floor(x / 1000))
      local moved = move('queued', 'running', r[4], attempt, prefix .. waited .. '}')
      insert(changed, {TAG .. JOB .. id, attempt, moved})
      insert(owned, id)
      insert(owned, attempt .. ' ' .. ARGV[4])
      count(e.lane, 'running', 1)
      local n = #taken
      taken[n + 1], taken[n + 2], taken[n + 3], taken[n + 4], taken[n + 5], taken[n + 6] = id, attempt, r[5], r[6] or '0', r[7] .. ' ' .. e.lane, ''
      bytes = bytes + #r[5]
      free_slots = free_slots - 1
    end
  end
end

write_due()
if holds then holds.write() end
for _, e in ipairs(entries) do
  if e.popped > 0 then call('LPOP', TAG .. LANE .. e.lane, e.popped) end
end
write_back(worker)
if limits then limits.write() end
if #owned > 0 then
  for _, c in ipairs(changed) do call('HSET', c[1], 's', 'running', 'a', c[2], 'w', worker, 'x', c[3]) end
  for _, id in ipairs(came_back) do call('HDEL', TAG .. JOB .. id, 'z') end
  call('HSET', held_key, '#', ARGV[4], unpack(owned))
end
if slots then slots.write() end
if all_seen then call('HDEL', held_key, '!') end
if counted and #owned > 0 then
  local shares = {'*', clock}
  for _, q in ipairs(list) do
    for _, value in ipairs({q.name, q.pass, q.name .. ':*', q.clock}) do insert(shares, value) end
    for _, e in ipairs(q.lanes) do insert(shares, e.lane); insert(shares, e.pass) end
  end
  call('HSET', TAG .. SHARES, unpack(shares))
end
emit()
local unseen = free_slots > 0 and total > 0 and looked >= MOST
return {1, unseen and 0 or (holds and holds.next_wake() or next_due()), taken, lost, cancels}
