-- ARGV: token, then type, head and data of each. Events that are no moves, once. Answers the seq of the last.
local told = call('GET', TAG .. TOLD .. ARGV[2])
if told then return tonumber(told) end
if #ARGV > 2 + 3 * MOST then return redis.error_reply('ERR at most 500 events a call') end
local x = prev
for i = 3, #ARGV, 3 do
  x = event(ARGV[i], (ARGV[i + 1] == '' and '' or ',' .. ARGV[i + 1]) .. ',"data":' .. ARGV[i + 2])
end
free()
call('SET', TAG .. TOLD .. ARGV[2], x, 'PX', DUPLICATE_MS)
emit()
return tonumber(x)
