-- include: slots
-- ARGV: job, seq, state. Removes a record whose row became final at a later seq than its last move; answers 1 or 0.
local id, later, state = ARGV[2], tonumber(ARGV[3]), ARGV[4]
local r = call('HMGET', TAG .. JOB .. id, 's', 'q', 'x', 'w', 'a', 'k', 'y', 'z', 'n', 'f')
if not r[1] or tonumber(r[3]) >= later then return 0 end
check_counts()
local key = owns_key(r[6], id) and r[6]
if r[10] then
  free()
elseif r[1] == 'queued' then
  open_slots().take_out(id, r[2], r[8], r[9])
elseif r[1] == 'running' then
  if r[9] then open_slots().free(r[9], id) end
  call('HDEL', TAG .. HELD .. r[4], id)
  count(r[2], 'running', -1)
else
  call('ZREM', TAG .. DELAYED, id)
  count(r[2], r[1], -1)
end
call('DEL', TAG .. JOB .. id)
if key then call('DEL', TAG .. DEDUP .. key) end
bury(id, state, r[5] or '0', ARGV[3], r[7], '-')
if slots then slots.write() end
emit()
return 1
