-- include: accept
-- ARGV: token, after_attempt, attempts so far, was, then the twelve arguments of a new job.
-- Answers accepted, unfinished, changed or duplicate.
local token, after, so_far, was, id = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local life = call('HMGET', TAG .. JOB .. id, 's', 'y')
if life[1] then return life[2] == token and 'accepted' or 'unfinished' end
local tomb = tombstone(id)
if tomb and tomb.state ~= 'duplicate' then
  if tomb.life == token then return 'accepted' end
  if tomb.attempt ~= after then return 'changed' end
  was = tomb.state
end
if holder(6) then return 'duplicate' end
local refused = full()
if refused then return refused end
accept(6, was, 'retry', {attempt = so_far, errors = '0', deliveries = '0', token = token})
write_fresh()
call('DEL', TAG .. RESULT .. task_id(id, ARGV[8])) -- whoever waits from now on waits for the new end
emit(messages)
return 'accepted'
