-- include: accept
-- ARGV: token, attempt, errors, deliveries, was, then the twelve arguments of a new job. Answers 1, or 0 if it is known.
local token, was, id = ARGV[2], ARGV[6], ARGV[7]
local life = call('HMGET', TAG .. JOB .. id, 's', 'y')
if life[1] then return life[2] == token and 1 or 0 end
local tomb = tombstone(id)
if tomb and tomb.state ~= 'duplicate' then return tomb.life == token and 1 or 0 end
local refused = full()
if refused then return refused end
if was ~= 'scheduled' then ARGV[14] = '' end -- only a job that waits for its time has one
if holder(7) then ARGV[16] = '' end -- it was accepted before the other: both stand, the key stays where it is
accept(7, was, 'reconciled', {attempt = ARGV[3], errors = ARGV[4], deliveries = ARGV[5], token = token})
write_fresh()
emit(messages)
return 1
