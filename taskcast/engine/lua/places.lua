-- ARGV: concurrency keys. Answers how many run under each; and flat, for each list of jobs that wait for a place (500 lists
-- at most): key, queue, how many, their limit, how many run.
local running, waiting = {}, {}
for i = 2, #ARGV do insert(running, call('SCARD', TAG .. CONCURRENCY .. ARGV[i])) end
for _, member in ipairs(call('ZRANGEBYLEX', TAG .. HOLDS, '[c:', '(c;', 'LIMIT', 0, MOST)) do
  local key, lane = match(member, '^c:(.*)\n(.*)$')
  local list = TAG .. HOLD .. lane .. ' c:' .. key
  local first = call('LINDEX', list, 0)
  local text = first and call('HGET', TAG .. JOB .. first, 'n')
  local limit = text and cjson.decode(text).c
  if limit then
    for _, value in ipairs({key, queue_of(lane), call('LLEN', list), limit[2], call('SCARD', TAG .. CONCURRENCY .. key)}) do insert(waiting, value) end
  end
end
return {running, waiting}
