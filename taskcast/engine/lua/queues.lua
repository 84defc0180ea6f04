-- Answers per queue: name, waiting by priority 1 to 4, running, scheduled, retrying, age of the oldest in ms (-1: none).
local counted, flat, names, found = {}, call('HGETALL', TAG .. COUNTS), {}, {}
for i = 1, #flat, 2 do counted[flat[i]] = flat[i + 1] end
for _, lane in ipairs(call('SMEMBERS', TAG .. LANES)) do
  local name = queue_of(lane)
  if not found[name] then
    found[name] = {name, {0, 0, 0, 0}, counted[name .. ':running'] or 0, counted[name .. ':scheduled'] or 0, counted[name .. ':retrying'] or 0, -1}
    insert(names, name)
  end
  local q = found[name]
  q[2][tonumber(sub(lane, -1))] = call('LLEN', TAG .. LANE .. lane)
  local first = call('LINDEX', TAG .. LANE .. lane, 0)
  local x = first and call('HGET', TAG .. JOB .. first, 'x')
  if x then q[6] = math.max(q[6], now - floor(x / 1000)) end
end
local answer = {}
for _, name in ipairs(names) do insert(answer, found[name]) end
return answer
