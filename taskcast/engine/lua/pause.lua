-- ARGV: token, field ("q:<queue>" or "t:<task>"), fragment of names, fragment of by and reason, until_ms or ''.
-- Pauses, or changes what a pause says; answers 1 if it was not paused before.
local field, until_ms = ARGV[3], ARGV[6]
local told = call('GET', TAG .. TOLD .. ARGV[2])
if told then return tonumber(told) end
local was = call('HGET', TAG .. PAUSED, field)
local since = was and format('%.0f', cjson.decode(was).at_ms) or format('%.0f', now)
call('ZCARD', TAG .. WAKES)
event('queue.paused', ',"data":{' .. ARGV[4] .. ',' .. ARGV[5] .. ',"until":'
  .. (until_ms == '' and 'null' or '"' .. iso(tonumber(until_ms)) .. '"') .. '}')
free()
call('HSET', TAG .. PAUSED, field,
  '{' .. ARGV[5] .. ',"until_ms":' .. (until_ms == '' and 'null' or until_ms) .. ',"at_ms":' .. since .. '}')
if until_ms == '' then call('ZREM', TAG .. WAKES, field) else call('ZADD', TAG .. WAKES, until_ms, field) end
call('SET', TAG .. TOLD .. ARGV[2], was and 0 or 1, 'PX', DUPLICATE_MS)
emit()
return was and 0 or 1
