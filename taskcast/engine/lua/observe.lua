-- ARGV: worker, attempt, state, data, then job, head, row and lane. A move of a job that another broker runs: what its
-- hooks tell may come late, twice or not at all. Answers 1, or 0 for what the table of moves forbids, which is dropped.
-- Such a job has a record and no place: nobody takes it. It is forgotten a week after its last move.
local worker, attempt, state, data = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local id, head, row, lane = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local WEEK_MS = 604800000
local r = call('HMGET', TAG .. JOB .. id, 's', 'a', 'x', 'e', 'f', 'u', 'r')
if r[1] and not r[5] then return 0 end
local tomb = tombstone(id)
if tomb and tomb.state == 'duplicate' then return 0 end
local was, last = r[1] or (tomb and tomb.state) or nil, tonumber(r[2] or (tomb and tomb.attempt) or 0)
local errors, x, follows = tonumber(r[4] or 0), r[3] or format('%.0f', seq), nil
local ended = was == 'completed' or was == 'failed' or was == 'cancelled'
local whole_row = r[7] or row .. ',"created_at":"' .. iso(now) .. '","run_at":null'
local count_before = line_count

local function to(next_state, of_attempt, text)
  x = move(was or 'new', next_state, head, of_attempt, text)
  was, last = next_state, of_attempt
end

local function queue(reason, of_attempt)
  to('queued', of_attempt, '{' .. whole_row .. ',"reason":"' .. reason .. '","by":null}')
end

local function start(text)
  local waited = math.max(0, now - floor(x / 1000))
  to('running', attempt, with(text, '"waited_ms":' .. waited))
end

if state == 'queued' then
  if not was then queue('enqueued', attempt)
  elseif ended and attempt >= last then queue('retry', attempt)
  elseif was == 'running' and attempt == last then follows = '1' end -- sent again before its end is told: a retry
elseif state == 'running' then
  if not was then queue('enqueued', attempt - 1) end
  if attempt > last then
    if was == 'running' then queue('released', last) end
    if was ~= 'queued' then queue('retry', attempt - 1) end
    start(data)
  end
else
  if not was then queue('enqueued', attempt - 1) end
  if was == 'queued' and attempt > last then start('{"worker":' .. cjson.encode(worker) .. ',"host":"","pid":0}') end
  if was == 'running' and attempt == last then
    if r[6] and state == 'failed' then
      errors = errors + 1
      to('retrying', attempt, with(data, '"run_at":"' .. iso(now) .. '","errors":' .. errors .. ',"max_attempts":' .. errors + 1))
      queue('due', attempt)
    else
      to(state, attempt, data)
    end
  end
end

if line_count == count_before and not follows then return 0 end
free()
if was == 'completed' or was == 'failed' or was == 'cancelled' then
  call('DEL', TAG .. JOB .. id)
  bury(id, was, last, x, nil, 'observed')
else
  call('HSET', TAG .. JOB .. id, 's', was, 'a', last, 'x', x, 'e', errors, 'h', head, 'r', whole_row, 'q', lane, 'f', '1')
  if was == 'running' then call('HSET', TAG .. JOB .. id, 'w', worker) else call('HDEL', TAG .. JOB .. id, 'w', 'g') end
  if follows then call('HSET', TAG .. JOB .. id, 'u', '1') else call('HDEL', TAG .. JOB .. id, 'u') end
  call('PEXPIRE', TAG .. JOB .. id, WEEK_MS)
end
emit()
return 1
