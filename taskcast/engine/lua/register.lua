-- ARGV: worker, lease_ms, identity, info. Begins the lease; tells worker.started, once.
local worker, held = ARGV[2], TAG .. HELD .. ARGV[2]
local there = call('EXISTS', TAG .. LEASE .. worker) == 1 and call('HGET', held, '@') == ARGV[4]
call('ZCARD', TAG .. WORKERS)
call('HLEN', held)
if not there then event('worker.started', ',"data":' .. ARGV[5]) end
free()
call('SET', TAG .. LEASE .. worker, '1', 'PX', ARGV[3])
call('HSET', held, '@', ARGV[4])
call('ZADD', TAG .. WORKERS, now, worker)
emit()
return 1
