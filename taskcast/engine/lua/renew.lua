-- include: slots, giveback, claims
-- ARGV: worker, lease_ms, known, count of held (-1: unsaid), pairs.
-- Answers: whether the lease was held, lost (two each), cancels (three each).
-- PEXPIRE is no write that needs memory: on a full server a SET here would cost every worker its lease.
local worker, lease = ARGV[2], TAG .. LEASE .. ARGV[2]
check_counts()
call('ZCARD', TAG .. WORKERS)
compare(worker, tonumber(ARGV[4]), 5, call('HGET', TAG .. HELD .. worker, '!'))
local held = call('PEXPIRE', lease, ARGV[3])
if held == 0 then -- a lease that ran out stops nothing by itself: what is still this worker's stays so
  free()
  call('SET', lease, '1', 'PX', ARGV[3])
end
write_back(worker)
if slots then slots.write() end
if all_seen then call('HDEL', TAG .. HELD .. worker, '!') end
call('ZADD', TAG .. WORKERS, now, worker)
emit()
return {held, lost, cancels}
