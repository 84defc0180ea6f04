-- Answers per queue: name, waiting by priority 1 to 4, running, scheduled, retrying, held back, age of the oldest in ms
-- (-1: none), its pause as JSON text (or '').
local counted, flat, names, found = {}, call('HGETALL', TAG .. COUNTS), {}, {}
for i = 1, #flat, 2 do counted[flat[i]] = flat[i + 1] end
local function queue(name)
  if not found[name] then
    local q = {name, {0, 0, 0, 0}}
    for i, state in ipairs({'running', 'scheduled', 'retrying', 'held'}) do q[i + 2] = tonumber(counted[name .. ':' .. state] or 0) end
    q[7], q[8] = -1, ''
    found[name] = q
    insert(names, name)
  end
  return found[name]
end
for _, lane in ipairs(call('SMEMBERS', TAG .. LANES)) do
  local q = queue(queue_of(lane))
  q[2][tonumber(sub(lane, -1))] = call('LLEN', TAG .. LANE .. lane)
  local first = call('LINDEX', TAG .. LANE .. lane, 0)
  local x = first and call('HGET', TAG .. JOB .. first, 'x')
  if x then q[7] = math.max(q[7], now - floor(x / 1000)) end
end
flat = call('HGETALL', TAG .. PAUSED)
for i = 1, #flat, 2 do
  if sub(flat[i], 1, 2) == 'q:' then queue(sub(flat[i], 3))[8] = flat[i + 1] end
end
local answer = {}
for _, name in ipairs(names) do insert(answer, found[name]) end
return answer
