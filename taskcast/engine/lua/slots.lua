-- Who runs under a concurrency key, and what to look at again because something changed.
-- Opened only where a job has limits: to make its functions would cost a call for one job a tenth of its time.
local slots
local function open_slots()
  if slots then return slots end
  slots = {wakes = {}, bells = {}} -- a hold key to the ms to look at it again (0: at once), or false: no more
  local decoded, leaving, occupied, waiting, pruned, again = {}, {}, {}, {}, {}, {}

  -- The limits of a record's field n: c = {key, limit}, r = {key, count, period in ms}.
  function slots.limits(text)
    if not text then return {} end
    if not decoded[text] then decoded[text] = cjson.decode(text) end
    return decoded[text]
  end

  function slots.list(key, lane) return TAG .. HOLD .. lane .. ' ' .. key end

  -- The lanes of which a hold key keeps jobs.
  function slots.lanes(key)
    if not waiting[key] then
      local lanes = {}
      for _, member in ipairs(call('ZRANGEBYLEX', TAG .. HOLDS, '[' .. key .. '\n', '(' .. key .. '\v')) do
        insert(lanes, sub(member, #key + 2))
      end
      waiting[key] = lanes
    end
    return waiting[key]
  end

  function slots.wake(key, ms)
    if next(slots.wakes) == nil then call('ZCARD', TAG .. WAKES) end
    slots.wakes[key] = ms
  end

  -- A place under a concurrency key may be free: those who wait for one are looked at again.
  function slots.reopen(name)
    for _, lane in ipairs(slots.lanes('c:' .. name)) do
      slots.wake('c:' .. name, 0)
      slots.bells[queue_of(lane)] = true
    end
  end

  function slots.running(name)
    if not occupied[name] then occupied[name] = call('SCARD', TAG .. CONCURRENCY .. name) end
    return occupied[name]
  end

  function slots.count_in(name) occupied[name] = slots.running(name) + 1 end

  local function leave(name, id)
    occupied[name] = slots.running(name) - 1
    leaving[name] = leaving[name] or {}
    insert(leaving[name], id)
  end

  -- A running job with the limits `text` stops to run.
  function slots.free(text, id)
    local c = slots.limits(text).c
    if c and call('SISMEMBER', TAG .. CONCURRENCY .. c[1], id) == 1 then
      leave(c[1], id)
      slots.reopen(c[1])
    end
  end

  -- Members that do not run (the server was set back, a record was deleted by hand) leave, once a call.
  function slots.prune(name)
    if pruned[name] then return end
    pruned[name] = true
    local members = TAG .. CONCURRENCY .. name
    local ids = slots.running(name) <= 16 and call('SMEMBERS', members) or call('SRANDMEMBER', members, 16)
    local left = {}
    for _, id in ipairs(leaving[name] or {}) do left[id] = true end
    for _, id in ipairs(ids) do
      if not left[id] and call('HGET', TAG .. JOB .. id, 's') ~= 'running' then leave(name, id) end
    end
  end

  -- A job that was running waits again: where others of its lane wait for the same, as the first of them; in its lane if
  -- there are none. Returns what keeps it back, '-' for its lane.
  function slots.wait_again(text, id, lane)
    local limit = slots.limits(text)
    for _, key in ipairs({limit.c and 'c:' .. limit.c[1] or '', limit.r and 'r:' .. limit.r[1] or ''}) do
      if key ~= '' and call('LLEN', slots.list(key, lane)) > 0 then
        call('ZCARD', TAG .. HOLDS)
        count(lane, 'held', 1)
        insert(again, 1, {key = key, lane = lane, id = id})
        return key
      end
    end
    return '-'
  end

  -- A waiting job leaves its lane, or the list of what keeps it back. Writes; its keys are read first.
  function slots.take_out(id, lane, held_by, text)
    if held_by and held_by ~= '-' then
      local list = slots.list(held_by, lane)
      call('LLEN', list)
      call('ZCARD', TAG .. HOLDS)
      if call('LREM', list, 1, id) == 1 then count(lane, 'held', -1) end
      if call('LLEN', list) == 0 then call('ZREM', TAG .. HOLDS, held_by .. '\n' .. lane) end
    else
      call('LLEN', TAG .. LANE .. lane)
      local c = held_by and slots.limits(text).c
      if c then slots.reopen(c[1]) end -- it came back for a free place, which others may have now
      call('LREM', TAG .. LANE .. lane, 1, id)
    end
  end

  function slots.write()
    for name, ids in pairs(leaving) do
      for i = 1, #ids, MOST do call('SREM', TAG .. CONCURRENCY .. name, unpack(ids, i, math.min(i + MOST - 1, #ids))) end
    end
    for _, job in ipairs(again) do
      call('LPUSH', slots.list(job.key, job.lane), job.id)
      call('ZADD', TAG .. HOLDS, 0, job.key .. '\n' .. job.lane)
      call('HSET', TAG .. JOB .. job.id, 'z', job.key)
    end
    if next(slots.wakes) ~= nil then free() end
    for key, ms in pairs(slots.wakes) do
      if ms then call('ZADD', TAG .. WAKES, ms, key) else call('ZREM', TAG .. WAKES, key) end
    end
    for queue in pairs(slots.bells) do ring(queue) end
  end

  return slots
end
