-- Prepended to every script, after the names of keys and the `arrow` of the table of moves that scripts.py makes: of its
-- paragraphs, each ended by an empty line, those that the script needs.
-- KEYS[1]: the events stream (routes the call on a cluster). ARGV[1]: what every key begins with, the hash tag.
--
-- Lua has no rollback. So a script reads, checks and computes all it needs, builds its events, and only then writes:
-- first what frees memory, then the records, then `emit`. Every key that will be written is read before, so that a key
-- of the wrong type raises while nothing is written yet. A full server (maxmemory, noeviction) asks for memory only
-- before the first write of a script: what must work then begins with a command that needs none (`free`).
--
-- A job's record, HASH JOB .. id:
--   s  state                          h  JSON fragment: "job", "task", "queue", "user"
--   a  attempt (absent: 0)            r  JSON fragment of the row, without "reason" and "by"
--   e  errors (absent: 0)             b  the message for the worker
--   l  lost owners (absent: 0)        o  "<max_attempts> <max_deliveries> <timeout_s or ->"
--   q  lane, "<queue>:<priority>"     k  deduplication key
--   x  seq of the last move           y  token of the call that gave it this life (retry, resend)
--   w  worker that owns it            c  {"by","reason"}: asked to stop;  v  attempt that has seen it
--   g  last log line of this attempt  u  "<attempt> <worker>" of the last end that led to another attempt
--   n  limits: {"c": [key, limit], "r": [key, count, period in ms]}, absent when there are none
--   f  '1': another broker's, only observed; then u says that it was sent again before its end was told
--   z  what keeps it back while it is queued, "t:", "c:" or "r:" and a name; '-' once it came back to its lane
-- Tombstone, STRING TOMB .. id: "<state> <attempt> <seq> <life> <who ended it>"; state "duplicate": <life> stands.
-- What a worker holds, HASH HELD .. worker: id to "<attempt> <take>", with " c" behind when asked to stop.
--   '#' number of its last take, '!' somebody was asked to stop, '@' {"worker","host","pid"}. No id begins so.
local call, pcall, format, floor, concat = redis.call, redis.pcall, string.format, math.floor, table.concat
local sub, match, insert = string.sub, string.match, table.insert
local TAG, MOST = ARGV[1], 500
local TOMB_MS, DUPLICATE_MS = 3600000, 60000

local time = call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = floor(now_us / 1000)

local prev = call('GET', TAG .. SEQ)
call('XLEN', KEYS[1])
if not prev then
  local tail = call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  prev = tail and match(tail[1], '^%d+') or '0'
end
-- The one clock: microseconds of the server, never twice the same, never back.
local seq = math.max(tonumber(prev), now_us - 1)

local lines, line_count, at, at_until = {}, 0, '', 0
local counts = {}

-- ISO 8601 of milliseconds since 1970; days to a date after Howard Hinnant's civil_from_days.
local iso_of, iso_text
local function iso(ms)
  if ms == iso_of then return iso_text end
  local seconds = floor(ms / 1000)
  local days = floor(seconds / 86400)
  local rest = seconds - days * 86400
  local z = days + 719468
  local era = floor(z / 146097)
  local doe = z - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  local mp = floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  iso_of, iso_text = ms, format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, doy - floor((153 * mp + 2) / 5) + 1,
    floor(rest / 3600), floor(rest / 60) % 60, rest % 60, ms - seconds * 1000)
  return iso_text
end

-- The seq of the next event as text; sets `at`, its time in milliseconds.
local function next_seq()
  seq = seq + 1
  if seq >= at_until then
    local ms = floor(seq / 1000)
    at, at_until = format('%.0f', ms), (ms + 1) * 1000
  end
  line_count = line_count + 1
  return format('%.0f', seq)
end

-- An event; `rest` begins with a comma and ends with the data. Returns its seq as text.
local function event(kind, rest)
  local text = next_seq()
  lines[line_count] = '{"type":"' .. kind .. '","seq":' .. text .. ',"at":' .. at .. rest .. '}'
  return text
end

local function job_event(kind, head, attempt, data)
  local text = next_seq()
  lines[line_count] = '{"type":"' .. kind .. '","seq":' .. text .. ',"at":' .. at .. ',' .. head .. ',"attempt":' .. attempt .. ',"data":' .. data .. '}'
  return text
end

-- A move of a job, if the table of moves has it. Returns its seq as text.
local function move(was, state, head, attempt, data)
  local found, kind = arrow(was, state)
  if not found then error('taskcast: the table of moves has no ' .. tostring(was) .. ' to ' .. tostring(state)) end
  local text = next_seq()
  lines[line_count] = '{"type":"' .. kind .. '","seq":' .. text .. ',"at":' .. at .. ',' .. head .. ',"attempt":' .. attempt .. found .. data .. '}'
  return text
end

-- Counts a job in or out of a state that no list can be asked for.
local function count(lane, state, by)
  local lanes = counts[state]
  if not lanes then
    lanes = {}
    counts[state] = lanes
  end
  lanes[lane] = (lanes[lane] or 0) + by
end

-- A JSON object with more members.
local function with(object, members)
  if object == '{}' then return '{' .. members .. '}' end
  return sub(object, 1, -2) .. ',' .. members .. '}'
end

local function queue_of(lane) return sub(lane, 1, -3) end

-- Whether the job may give its deduplication key free: it may be another's by now.
local function owns_key(key, id) return key and call('GET', TAG .. DEDUP .. key) == id end

local function tombstone(id)
  local text = call('GET', TAG .. TOMB .. id)
  if not text then return nil end
  local state, attempt, last, life, by = match(text, '^(%S+) (%S+) (%S+) (%S+) (.*)$')
  return {state = state, attempt = attempt, seq = last, life = life, by = by}
end

local function check_counts() call('HLEN', TAG .. COUNTS) end

-- First write of a script that must work on a full server and may have nothing to free.
local function free() call('DEL', TAG .. 'none') end

local function bury(id, state, attempt, last, life, by)
  call('SET', TAG .. TOMB .. id, state .. ' ' .. attempt .. ' ' .. last .. ' ' .. (life or '-') .. ' ' .. by, 'PX', TOMB_MS)
end

-- The id that the sender waits by: of a foreign job it stands in the message alone. Asked before the record goes.
local function task_id(id, message)
  if sub(id, 1, 2) ~= 'x-' then return id end
  message = message or call('HGET', TAG .. JOB .. id, 'b')
  return message and match(message, '"task_id": ?"([^"\\]+)"') or id
end

-- What Taskiq's result backend keeps of an error; for jobs that end without a worker, so that nobody waits for ever.
local function leave_error(task, class, text)
  call('SET', TAG .. RESULT .. task, '{"is_err":true,"log":null,"return_value":null,"execution_time":0.0,"labels":{},'
    .. '"error":{"exc_type":"' .. class .. '","exc_message":[' .. cjson.encode(text) .. '],"exc_module":"taskcast.errors",'
    .. '"exc_cause":null,"exc_context":null,"exc_suppress_context":false}}', 'PX', TOMB_MS)
end

-- The same of a job that was cancelled; asked: {"by","reason"}.
local function leave_cancelled(task, asked)
  local reason = cjson.decode(asked).reason
  leave_error(task, 'JobCancelled', type(reason) == 'string' and 'cancelled: ' .. reason or 'The job was cancelled.')
end

local function ring(queue) pcall('PUBLISH', TAG .. BELL, queue) end

-- Percent of maxmemory in use, measured at most once a second; the second value says that it was measured now.
local function pressure()
  local known = call('HMGET', TAG .. RUN, 'mem_at', 'mem')
  if known[1] and math.abs(now - known[1]) < 1000 then return tonumber(known[2]), false end
  local info = pcall('INFO', 'memory')
  if type(info) ~= 'string' then return 0, false end
  local used, most = tonumber(match(info, 'used_memory:(%d+)')), tonumber(match(info, '\nmaxmemory:(%d+)') or 0)
  return most > 0 and floor(used / most * 100) or 0, true
end

local function keep_pressure(percent) call('HSET', TAG .. RUN, 'mem_at', now, 'mem', percent) end

-- Last of all: the counters, one entry of the stream, one message. The message is best effort, the stream is the truth:
-- a user who may not publish must not see a move fail that has happened.
local function emit(fields)
  for state, lanes in pairs(counts) do
    for lane, by in pairs(lanes) do
      if by ~= 0 then call('HINCRBY', TAG .. COUNTS, queue_of(lane) .. ':' .. state, by) end
    end
  end
  if line_count == 0 then return end
  local last, text = format('%.0f', seq), concat(lines, '\n')
  call('SET', TAG .. SEQ, last)
  if not EVENTS then return end
  if fields then call('XADD', KEYS[1], last .. '-0', 'p', prev, 'e', text, unpack(fields))
  else call('XADD', KEYS[1], last .. '-0', 'p', prev, 'e', text) end
  pcall('PUBLISH', TAG .. LIVE, prev .. ' ' .. last .. '\n' .. text)
end
