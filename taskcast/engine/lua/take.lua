-- include: due, giveback, claims
-- ARGV: worker, want, number, known, started, count of queues (-1: all), queues, count of held (-1: unsaid), pairs.
-- Answers: lease held (1 or 0), ms to the next due (-1), taken (six each), lost (two each), cancels (three each).
local worker, want, number, known = ARGV[2], math.min(tonumber(ARGV[3]), MOST), tonumber(ARGV[4]), tonumber(ARGV[5])
local started, queue_count = ARGV[6], tonumber(ARGV[7])
local claims_at = 8 + math.max(queue_count, 0)
local held_key = TAG .. HELD .. worker
local BYTES = 16777216 -- of messages per call: the reply lies in the server's memory as a whole

if call('EXISTS', TAG .. LEASE .. worker) == 0 then return {0, -1, {}, {}, {}} end
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

-- Lanes with something in them; critical before low, so that equal shares begin with the urgent.
local STRIDES = {['4'] = 1, ['3'] = 3, ['2'] = 9, ['1'] = 27}
local entries, total = {}, 0
local function look(lane)
  local length = call('LLEN', TAG .. LANE .. lane) + (due_in[lane] and #due_in[lane] or 0)
  if length > 0 then
    insert(entries, {lane = lane, queue = queue_of(lane), priority = sub(lane, -1), left = length, count = 0})
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
-- save up: it begins at the time of the others. Where nobody has to wait for another, nothing is counted.
local shares = {}
if total <= want then
  for _, e in ipairs(entries) do e.count = e.left end
elseif #entries == 1 then
  entries[1].count = want
elseif want > 0 then
  local queues, list, fields = {}, {}, {'*'}
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
  local clock = known_passes['*']
  for _, q in ipairs(list) do
    q.pass, q.clock = known_passes[q.name], known_passes[q.name .. ':*']
    for _, e in ipairs(q.lanes) do e.pass = known_passes[e.lane] end
  end
  for _ = 1, want do
    local best, least
    for _, q in ipairs(list) do
      local pass = math.max(q.pass, clock)
      if q.left > 0 and (not best or pass < least) then best, least = q, pass end
    end
    clock, best.pass, best.left = least, least + 1, best.left - 1
    local lane, low
    for _, e in ipairs(best.lanes) do
      local pass = math.max(e.pass, best.clock)
      if e.left > 0 and (not lane or pass < low) then lane, low = e, pass end
    end
    best.clock, lane.pass, lane.left, lane.count = low, low + STRIDES[lane.priority], lane.left - 1, lane.count + 1
  end
  shares = {'*', clock}
  for _, q in ipairs(list) do
    for _, value in ipairs({q.name, q.pass, q.name .. ':*', q.clock}) do insert(shares, value) end
    for _, e in ipairs(q.lanes) do insert(shares, e.lane); insert(shares, e.pass) end
  end
end

local taken, changed, owned, seen, bytes = {}, {}, {}, {}, 0
local prefix = sub(started, 1, -2) .. ',"waited_ms":'
for _, e in ipairs(entries) do
  local ids = e.count > 0 and call('LRANGE', TAG .. LANE .. e.lane, 0, e.count - 1) or {}
  for _, id in ipairs(#ids < e.count and due_in[e.lane] or {}) do
    if #ids < e.count then insert(ids, id) end
  end
  e.popped = 0
  for _, id in ipairs(ids) do
    if bytes > BYTES then break end
    e.popped = e.popped + 1
    local r = call('HMGET', TAG .. JOB .. id, 's', 'a', 'x', 'h', 'b', 'e', 'o')
    if due_in[e.lane] and r[1] ~= 'queued' then -- promoted by this very call
      for _, job in ipairs(due) do if job.id == id then r[1], r[3] = 'queued', job.x end end
    end
    if r[1] == 'queued' and not seen[id] then -- else an entry without a waiting job: it leaves the lane, no more
      seen[id] = true
      local attempt = tostring((r[2] or 0) + 1)
      local waited = math.max(0, now - floor(r[3] / 1000))
      local x = move('queued', 'running', r[4], attempt, prefix .. waited .. '}')
      insert(changed, {TAG .. JOB .. id, attempt, x})
      insert(owned, id)
      insert(owned, attempt .. ' ' .. ARGV[4])
      count(e.lane, 'running', 1)
      local n = #taken
      taken[n + 1], taken[n + 2], taken[n + 3], taken[n + 4], taken[n + 5], taken[n + 6] = id, attempt, r[5], r[6] or '0', r[7] .. ' ' .. e.lane, ''
      bytes = bytes + #r[5]
    end
  end
end

write_due()
for _, e in ipairs(entries) do
  if e.popped > 0 then call('LPOP', TAG .. LANE .. e.lane, e.popped) end
end
write_back(worker)
if #owned > 0 then
  for _, c in ipairs(changed) do call('HSET', c[1], 's', 'running', 'a', c[2], 'w', worker, 'x', c[3]) end
  call('HSET', held_key, '#', ARGV[4], unpack(owned))
end
if all_seen then call('HDEL', held_key, '!') end
if #shares > 0 and #owned > 0 then call('HSET', TAG .. SHARES, unpack(shares)) end
emit()
return {1, next_due(), taken, lost, cancels}
