-- ARGV: job, token, head, attempt, was. Ends a job that the server forgot; answers 1, or 0 if it is known.
local id, token, head, attempt, was = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local tomb = tombstone(id)
if tomb and tomb.state ~= 'duplicate' then return tomb.by == 'forget:' .. token and 1 or 0 end
if call('EXISTS', TAG .. JOB .. id) == 1 then return 0 end
local state, x
local text = 'the queue server forgot this job'
if was == 'scheduled' then -- it was never in a lane, so it cannot have failed
  state = 'cancelled'
  x = move(was, state, head, attempt, '{"by":null,"reason":"forgotten"}')
else
  state = 'failed'
  x = move(was, state, head, attempt,
    '{"error":{"type":"JobForgotten","message":"' .. text .. '"},"final_reason":"forgotten"}')
end
free()
bury(id, state, attempt, x, nil, 'forget:' .. token)
leave_error(id, 'JobForgotten', text)
emit()
return 1
