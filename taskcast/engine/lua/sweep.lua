-- ARGV: how many lanes are kept in any case. Beyond these, forgets queues in which nothing is: else a name that was used
-- once would cost memory for ever, and whoever makes names up could fill the server. Whatever may come back into a lane
-- (from its time, its worker, a limit or a pause) is counted, and only `accept`, which makes lanes known, brings more.
-- Looks at 125 lanes at most; answers how many lanes it has forgotten.
if call('SCARD', TAG .. LANES) <= tonumber(ARGV[2]) then return 0 end
call('HLEN', TAG .. SHARES)
check_counts()
local seen, lanes, shares, counters = {}, {}, {}, {}
for _, lane in ipairs(call('SRANDMEMBER', TAG .. LANES, floor(MOST / 4))) do
  local queue = queue_of(lane)
  if not seen[queue] then
    seen[queue] = true
    local states, inside = {}, 0
    for _, state in ipairs({'running', 'scheduled', 'retrying', 'held'}) do insert(states, queue .. ':' .. state) end
    for _, counted in ipairs(call('HMGET', TAG .. COUNTS, unpack(states))) do inside = inside + math.abs(counted or 0) end
    for priority = 1, 4 do inside = inside + call('LLEN', TAG .. LANE .. queue .. ':' .. priority) end
    if inside == 0 then
      insert(shares, queue)
      insert(shares, queue .. ':*')
      for priority = 1, 4 do
        insert(lanes, queue .. ':' .. priority)
        insert(shares, queue .. ':' .. priority)
      end
      for _, field in ipairs(states) do insert(counters, field) end
    end
  end
end
if #lanes == 0 then return 0 end
local gone = call('SREM', TAG .. LANES, unpack(lanes))
call('HDEL', TAG .. SHARES, unpack(shares))
call('HDEL', TAG .. COUNTS, unpack(counters))
return gone
