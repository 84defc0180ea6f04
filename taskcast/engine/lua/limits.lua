-- Whether a waiting job may run now. One that may not goes into the list of what keeps it back. Opened with the holds.
local limits
local function open_limits()
  if limits then return limits end
  open_holds()
  limits = {tasks_paused = false}
  local held_lists, joining = {}, {}
  for field in pairs(holds.pauses) do
    if sub(field, 1, 2) == 't:' and holds.is_paused(field) then limits.tasks_paused = true end
  end

  local function list_of(key, lane)
    local member = key .. '\n' .. lane
    if not held_lists[member] then
      held_lists[member] = {key = key, lane = lane, length = holds.length(key, lane), front = {}, back = {}}
    end
    return held_lists[member]
  end

  -- Whether older jobs of its lane wait for the same: then it waits behind them.
  local function is_later(key, lane)
    local list = list_of(key, lane)
    return list.length + #list.front + #list.back > 0
  end

  -- What keeps a job back, as a hold key. If nothing does, it is counted as running.
  function limits.obstacle(id, lane, head, text, came_back)
    if limits.tasks_paused then
      local field = 't:' .. cjson.decode('{' .. head .. '}').task
      if holds.is_paused(field) then return field end
    end
    local c, r = slots.limits(text).c, slots.limits(text).r
    if r then
      local key, paid, interval, burst = 'r:' .. r[1], holds.rate(r)
      if not came_back and is_later(key, lane) then return key end
      if paid + interval - now_us > burst then
        slots.wake(key, holds.rate_wake(r, 1))
        return key
      end
    end
    if c then
      local key, name = 'c:' .. c[1], c[1]
      if not came_back and is_later(key, lane) then return key end
      if slots.running(name) >= c[2] then slots.prune(name) end
      if slots.running(name) >= c[2] then return key end
      slots.count_in(name)
      joining[name] = joining[name] or {}
      insert(joining[name], id)
    end
    if r then holds.begin(r) end
  end

  function limits.hold_back(key, id, lane, text, came_back)
    call('ZCARD', TAG .. HOLDS)
    insert(came_back and list_of(key, lane).front or list_of(key, lane).back, id)
    count(lane, 'held', 1)
    local c = came_back and slots.limits(text).c -- it was given a place that others may have now
    if c and key ~= 'c:' .. c[1] and #slots.lanes('c:' .. c[1]) > 0 then slots.wake('c:' .. c[1], now + holds.SOON) end
  end

  function limits.write()
    for _, list in pairs(held_lists) do
      if #list.front + #list.back > 0 then
        local name, last_first = slots.list(list.key, list.lane), {}
        for i = #list.front, 1, -1 do insert(last_first, list.front[i]) end
        if #last_first > 0 then call('LPUSH', name, unpack(last_first)) end
        if #list.back > 0 then call('RPUSH', name, unpack(list.back)) end
        call('ZADD', TAG .. HOLDS, 0, list.key .. '\n' .. list.lane)
        for _, ids in ipairs({list.front, list.back}) do
          for _, id in ipairs(ids) do call('HSET', TAG .. JOB .. id, 'z', list.key) end
        end
      end
    end
    for name, ids in pairs(joining) do call('SADD', TAG .. CONCURRENCY .. name, unpack(ids)) end
    holds.write_rates()
  end

  return limits
end
