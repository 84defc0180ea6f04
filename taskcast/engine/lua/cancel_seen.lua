-- ARGV: worker, job, attempt. Tells job.cancel_seen, once; answers 1, or 0 if nothing is asked of this worker.
local worker, id, attempt = ARGV[2], ARGV[3], ARGV[4]
local r = call('HMGET', TAG .. JOB .. id, 's', 'a', 'w', 'h', 'c', 'v')
if r[1] ~= 'running' or r[2] ~= attempt or r[3] ~= worker or not r[5] then return 0 end
if r[6] == attempt then return 1 end
local mark = call('HGET', TAG .. HELD .. worker, id)
job_event('job.cancel_seen', r[4], attempt, '{"worker":' .. cjson.encode(worker) .. '}')
free()
call('HSET', TAG .. JOB .. id, 'v', attempt)
if mark then call('HSET', TAG .. HELD .. worker, id, match(mark, '^%d+ %d+')) end
emit()
return 1
