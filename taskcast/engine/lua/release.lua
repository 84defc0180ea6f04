-- include: slots, giveback
-- ARGV: worker, reason, begun (1 or 0), then job and attempt of each. Answers how many were this worker's.
local worker, seen, mine = ARGV[2], {}, 0
if #ARGV > 4 + 2 * MOST then return redis.error_reply('ERR at most 500 jobs a call') end
check_counts()
call('HLEN', TAG .. HELD .. worker)
for i = 5, #ARGV, 2 do
  if not seen[ARGV[i]] then
    seen[ARGV[i]] = true
    if give_back(worker, ARGV[i], ARGV[i + 1], ARGV[4] == '1', ARGV[3]) then mine = mine + 1 end
  end
end
write_back(worker)
if slots then slots.write() end
emit()
return mine
