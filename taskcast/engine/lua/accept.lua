-- New records. A new job is twelve arguments: id, lane, message, head, row, by, options, when, keep, dedup key, created,
-- limits.
-- when: '' at once, '+ms' after now, else milliseconds since 1970.
local fresh, messages, dedup_in_call = {}, {}, {}
local known_lanes, delayed_checked = {}, false

-- The id of the unfinished job that holds the deduplication key of the new one at ARGV[i], if it is another.
local function holder(i)
  local key = ARGV[i + 9]
  if key == '' then return nil end
  local id = dedup_in_call[key] or call('GET', TAG .. DEDUP .. key)
  if not id or id == ARGV[i] then return nil end
  if dedup_in_call[key] or call('EXISTS', TAG .. JOB .. id) == 1 then return id end
end

-- numbers: attempt, errors, deliveries, token of a job that existed before. arrow: event text for a move of no table.
local function accept(i, was, reason, numbers)
  local id, lane, when, created = ARGV[i], ARGV[i + 1], ARGV[i + 7], tonumber(ARGV[i + 10])
  local due
  if when ~= '' then due = sub(when, 1, 1) == '+' and now + tonumber(sub(when, 2)) or tonumber(when) end
  local row = ARGV[i + 4] .. ',"created_at":"' .. iso(created or now) .. '"'
  if due then row = row .. ',"run_at":"' .. iso(due) .. '"' end
  local state = due and due > now and 'scheduled' or 'queued'
  local attempt = numbers and numbers.attempt or '0'
  local data = '{' .. row .. ',"reason":"' .. reason .. '","by":' .. ARGV[i + 5] .. '}'
  local x
  if was == state then -- a re-send of what the server forgot: for its row nothing moves
    x = event('job.' .. state, ',' .. ARGV[i + 3] .. ',"attempt":' .. attempt .. ',"was":"' .. was .. '","state":"' .. state .. '","data":' .. data)
  else
    x = move(was, state, ARGV[i + 3], attempt, data)
  end
  fresh[#fresh + 1] = {i = i, state = state, due = due, x = x, row = row, numbers = numbers}
  if ARGV[i + 9] ~= '' then dedup_in_call[ARGV[i + 9]] = id end
  if ARGV[i + 8] == '1' then
    messages[#messages + 1] = 'm:' .. id
    messages[#messages + 1] = ARGV[i + 2]
  end
  if known_lanes[lane] == nil then
    known_lanes[lane] = call('SISMEMBER', TAG .. LANES, lane) == 1
    call('LLEN', TAG .. LANE .. lane)
  end
  if state == 'scheduled' and not delayed_checked then
    check_counts()
    call('ZCARD', TAG .. DELAYED)
    delayed_checked = true
  end
end

local function write_fresh()
  local pushed = {}
  for _, job in ipairs(fresh) do
    local i = job.i
    local id, lane, key = ARGV[i], ARGV[i + 1], ARGV[i + 9]
    local record = TAG .. JOB .. id
    call('HSET', record, 's', job.state, 'q', lane, 'x', job.x, 'h', ARGV[i + 3], 'r', job.row, 'b', ARGV[i + 2], 'o', ARGV[i + 6])
    local n = job.numbers
    if n then call('HSET', record, 'a', n.attempt, 'e', n.errors, 'l', n.deliveries, 'y', n.token) end
    if ARGV[i + 11] ~= '' then call('HSET', record, 'n', ARGV[i + 11]) end
    if key ~= '' then
      call('HSET', record, 'k', key)
      call('SET', TAG .. DEDUP .. key, id)
    end
    if job.state == 'scheduled' then
      count(lane, 'scheduled', 1)
      call('ZADD', TAG .. DELAYED, job.due, id)
    else
      pushed[lane] = pushed[lane] or {}
      insert(pushed[lane], id)
    end
  end
  for lane, known in pairs(known_lanes) do
    if not known then call('SADD', TAG .. LANES, lane) end
  end
  for lane, ids in pairs(pushed) do
    if call('RPUSH', TAG .. LANE .. lane, unpack(ids)) == #ids then ring(queue_of(lane)) end
  end
end

-- Refuses new jobs before the server is so full that it refuses everything. Returns an error to be answered, or nothing.
local function full()
  local percent, measured = pressure()
  if measured then
    free()
    keep_pressure(percent)
  end
  if percent >= 90 then return redis.error_reply('ENGINEFULL ' .. percent .. ' percent of maxmemory are in use') end
end
