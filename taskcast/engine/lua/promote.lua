-- include: due, slots, holds
-- ARGV: limit. Answers how many jobs came due, and the ms until the next is due or a hold key is looked at (-1: none).
find_due(math.min(tonumber(ARGV[2]), MOST))
open_holds()

-- Nothing is left behind: pauses that are over and, some at each call, lists of jobs that could go on.
for field in pairs(holds.pauses) do
  if not holds.is_paused(field) then slots.wake(field, 0) end
end
local looked_at
if call('ZCARD', TAG .. HOLDS) > 0 then
  local from = call('HGET', TAG .. RUN, 'looked_at')
  local members = call('ZRANGEBYLEX', TAG .. HOLDS, from and '(' .. from or '-', '+', 'LIMIT', 0, 50)
  looked_at = members[50] or false
  for _, member in ipairs(members) do
    local key = match(member, '^(.*)\n')
    if not holds.is_paused(key) and (sub(key, 1, 2) ~= 'r:' or not call('ZSCORE', TAG .. WAKES, key)) then slots.wake(key, 0) end
  end
end
holds.find_wakes()

write_due()
holds.write()
slots.write()
if looked_at then
  free()
  call('HSET', TAG .. RUN, 'looked_at', looked_at)
elseif looked_at == false then
  call('HDEL', TAG .. RUN, 'looked_at')
end
emit()
return {#due, holds.next_wake()}
