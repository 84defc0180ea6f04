-- Jobs whose time has come. `find_due` reads and tells, `write_due` moves them into their lanes.
local due_ids, due, due_in, due_seq = {}, {}, {}, {}

local function find_due(limit)
  check_counts()
  due_ids = call('ZRANGEBYSCORE', TAG .. DELAYED, '-inf', now, 'LIMIT', 0, limit)
  for _, id in ipairs(due_ids) do
    local r = call('HMGET', TAG .. JOB .. id, 's', 'q', 'a', 'h', 'r')
    if r[1] == 'scheduled' or r[1] == 'retrying' then
      call('LLEN', TAG .. LANE .. r[2])
      local x = move(r[1], 'queued', r[4], r[3] or '0', '{' .. r[5] .. ',"reason":"due","by":null}')
      count(r[2], r[1], -1)
      due[#due + 1] = {id = id, lane = r[2], x = x}
      due_seq[id] = x
      due_in[r[2]] = due_in[r[2]] or {}
      insert(due_in[r[2]], id)
    end
  end
end

local function write_due()
  if #due_ids == 0 then return end
  call('ZREM', TAG .. DELAYED, unpack(due_ids))
  for _, job in ipairs(due) do call('HSET', TAG .. JOB .. job.id, 's', 'queued', 'x', job.x) end
  for lane, ids in pairs(due_in) do
    if call('RPUSH', TAG .. LANE .. lane, unpack(ids)) == #ids then ring(queue_of(lane)) end
  end
end

-- Milliseconds until the next job is due, -1 if there is none.
local function next_due()
  local first = call('ZRANGE', TAG .. DELAYED, 0, 0, 'WITHSCORES')
  return first[2] and math.max(0, tonumber(first[2]) - now) or -1
end
