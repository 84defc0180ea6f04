-- include: due, slots, holds
-- ARGV: token, field, fragment of by and reason. Ends a pause; called until nothing is left of what it held back.
-- Answers whether it was paused, and whether more is to come back (1 or 0 each).
local field = ARGV[3]
local told = call('GET', TAG .. TOLD .. ARGV[2])
open_holds()
local was = told == '1' or (not told and holds.pauses[field] ~= nil)
if holds.pauses[field] and not told then holds.end_pause(field, ARGV[4]) end
if not holds.pauses[field] then
  slots.wake(field, false)
  if sub(field, 1, 2) == 't:' then holds.send_back(field, MOST, true) end
  if holds.more[field] then slots.wake(field, 0) end
end
free()
holds.write()
slots.write()
call('SET', TAG .. TOLD .. ARGV[2], was and 1 or 0, 'PX', DUPLICATE_MS)
emit()
return {was and 1 or 0, holds.more[field] and 1 or 0}
