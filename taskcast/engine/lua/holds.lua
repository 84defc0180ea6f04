-- Pauses, and the way back to the front of their lanes for jobs that were held back. Opened where there are any.
-- A job that came back has '-' in its record's field z: held again, it is the first of its list.
local holds
local function open_holds()
  if holds then return holds end
  open_slots()
  holds = {returned = {}, returned_in = {}, more = {}, SOON = 20}
  local pauses, rates, emptied, returned, more = {}, {}, {}, holds.returned, holds.more

  local flat = call('HGETALL', TAG .. PAUSED)
  for i = 1, #flat, 2 do pauses[flat[i]] = cjson.decode(flat[i + 1]) end
  holds.pauses = pauses

  function holds.is_paused(field)
    local pause = pauses[field]
    return pause and (pause.until_ms == cjson.null or pause.until_ms > now)
  end

  -- How many of the first `n` of a lane came back for this hold key and still wait there: nobody serves the queue now.
  local function back_already(key, lane, n)
    local waiting = 0
    for _, id in ipairs(call('LRANGE', TAG .. LANE .. lane, 0, n - 1)) do
      local r = call('HMGET', TAG .. JOB .. id, 'z', 'n')
      if r[1] ~= '-' then break end
      local limit = slots.limits(r[2])[sub(key, 1, 1)]
      if limit and limit[1] == sub(key, 3) then waiting = waiting + 1 end
    end
    return waiting
  end

  -- Takes up to `most` jobs of each lane out of the lists of a hold key, from their end if `last`.
  function holds.send_back(key, most, last)
    for _, lane in ipairs(slots.lanes(key)) do
      local list = slots.list(key, lane)
      local length = call('LLEN', list)
      local n = math.min(most, length, MOST - #returned)
      if n > 0 and not last then n = n - back_already(key, lane, n) end
      if n > 0 then
        call('LLEN', TAG .. LANE .. lane)
        holds.returned_in[lane] = holds.returned_in[lane] or {}
        for _, id in ipairs(last and call('LRANGE', list, -n, -1) or call('LRANGE', list, 0, n - 1)) do
          local r = call('HMGET', TAG .. JOB .. id, 's', 'z')
          if r[1] == 'queued' and r[2] == key then
            insert(returned, id)
            returned[id] = true
            insert(holds.returned_in[lane], id)
          end
        end
        count(lane, 'held', -n)
        insert(emptied, {key = key, lane = lane, list = list, n = n, last = last, all = n == length})
      end
      if n < length then more[key] = true end
    end
  end

  -- How many of a hold key's jobs of a lane are still held back.
  function holds.length(key, lane)
    local length = call('LLEN', slots.list(key, lane))
    for _, e in ipairs(emptied) do
      if e.key == key and e.lane == lane then length = length - e.n end
    end
    return length
  end

  -- A rate as the generic cell rate algorithm has it: `count` may begin at once, then one every `interval` us. `paid` is
  -- the time when all that have begun are paid off; one more may begin while that is less than a burst away.
  function holds.rate(limit)
    local name, interval = limit[1], math.ceil(limit[3] * 1000 / limit[2])
    local burst = interval * limit[2]
    if not rates[name] then rates[name] = {paid = tonumber(call('GET', TAG .. RATE .. name) or 0)} end
    return math.min(math.max(rates[name].paid, now_us), now_us + burst), interval, burst
  end

  function holds.begin(limit)
    local paid, interval = holds.rate(limit)
    rates[limit[1]] = {paid = paid + interval, changed = true}
  end

  -- When to look again at jobs of which `n` more must be paid off first; a little late, so that some come together.
  function holds.rate_wake(limit, n)
    local paid, interval, burst = holds.rate(limit)
    return math.ceil((paid + n * interval - burst) / 1000) + math.min(holds.SOON, floor(limit[3] / 2))
  end

  -- Ends a pause; asked: fragment of by and reason.
  function holds.end_pause(field, asked)
    local name, of_queue = cjson.encode(sub(field, 3)), sub(field, 1, 2) == 'q:'
    event('queue.resumed', ',"data":{"queue":' .. (of_queue and name or 'null')
      .. ',"task":' .. (of_queue and 'null' or name) .. ',' .. asked .. ',"until":null}')
    pauses[field] = nil
    insert(emptied, {field = field})
    if of_queue then slots.bells[sub(field, 3)] = true end
  end

  -- The limit by which the first job of a hold key waits; nothing if it is gone.
  local function limit_of(key)
    for _, lane in ipairs(slots.lanes(key)) do
      local id = call('LINDEX', slots.list(key, lane), 0)
      local limit = slots.limits(id and call('HGET', TAG .. JOB .. id, 'n'))[sub(key, 1, 1)]
      if limit then return limit end
    end
  end

  -- Lets go what may go now of one hold key, or ends a pause whose time has come.
  local function look_again(key)
    local kind, name, pause = sub(key, 1, 1), sub(key, 3), pauses[key]
    if holds.is_paused(key) then return slots.wake(key, pause.until_ms ~= cjson.null and pause.until_ms) end
    if pause then holds.end_pause(key, '"by":null,"reason":"until"') end
    slots.wake(key, false)
    if kind == 'q' then return end
    local limit = kind ~= 't' and limit_of(key)
    if kind == 't' then
      holds.send_back(key, MOST, true)
      if more[key] then slots.wake(key, 0) end
    elseif not limit then -- an entry without a job leaves the list
      holds.send_back(key, 1)
      if more[key] then slots.wake(key, 0) end
    elseif kind == 'c' then
      if slots.running(name) >= limit[2] then slots.prune(name) end
      local room = limit[2] - slots.running(name)
      if room > 0 then holds.send_back(key, room) end
      if more[key] and #returned >= MOST then slots.wake(key, 0) end
    else
      local paid, interval, burst = holds.rate(limit)
      local may = floor((burst - (paid - now_us)) / interval)
      if may > 0 then holds.send_back(key, may) end
      if may == 0 or more[key] then slots.wake(key, holds.rate_wake(limit, may + 1)) end
    end
  end

  -- Looks again at what is due for it, and at what changed within this call.
  function holds.find_wakes()
    local keys, seen = call('ZRANGEBYSCORE', TAG .. WAKES, '-inf', now, 'LIMIT', 0, 50), {}
    for key, ms in pairs(slots.wakes) do
      if ms == 0 then insert(keys, key) end
    end
    for _, key in ipairs(keys) do
      if not seen[key] and #returned < MOST then look_again(key) end
      seen[key] = true
    end
  end

  function holds.write()
    for _, e in ipairs(emptied) do
      if e.field then
        call('HDEL', TAG .. PAUSED, e.field)
      else
        if e.last then call('LTRIM', e.list, 0, -e.n - 1) else call('LTRIM', e.list, e.n, -1) end
        if e.all then call('ZREM', TAG .. HOLDS, e.key .. '\n' .. e.lane) end
      end
    end
    for lane, ids in pairs(holds.returned_in) do
      local last_first = {}
      for i = #ids, 1, -1 do
        insert(last_first, ids[i])
        call('HSET', TAG .. JOB .. ids[i], 'z', '-')
      end
      if #ids > 0 then call('LPUSH', TAG .. LANE .. lane, unpack(last_first)) end
      slots.bells[queue_of(lane)] = true
    end
  end

  function holds.write_rates()
    for name, rate in pairs(rates) do
      if rate.changed then
        call('SET', TAG .. RATE .. name, format('%.0f', rate.paid), 'PX', math.ceil((rate.paid - now_us) / 1000) + 1)
      end
    end
  end

  -- Milliseconds until the next job is due or the next hold key is to be looked at, -1 if there is none.
  function holds.next_wake()
    local first = call('ZRANGE', TAG .. WAKES, 0, 0, 'WITHSCORES')
    local due_ms, ms = next_due(), first[2] and math.max(0, tonumber(first[2]) - now)
    if not ms then return due_ms end
    return due_ms < 0 and ms or math.min(due_ms, ms)
  end

  return holds
end
