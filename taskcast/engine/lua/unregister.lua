-- ARGV: worker, info. Ends the lease and tells worker.stopped, once; what the worker still holds is left to reclaim.
local worker, held = ARGV[2], TAG .. HELD .. ARGV[2]
if not call('ZSCORE', TAG .. WORKERS, worker) or call('HGET', held, '@') == 'stopped' then return 0 end
local holds_jobs = false
for _, field in ipairs(call('HKEYS', held)) do holds_jobs = holds_jobs or not match(field, '^[#!@]') end
event('worker.stopped', ',"data":' .. ARGV[3])
call('DEL', TAG .. LEASE .. worker)
if holds_jobs then
  call('HSET', held, '@', 'stopped')
else
  call('DEL', held)
  call('ZREM', TAG .. WORKERS, worker)
end
emit()
return 1
