-- ARGV: worker, then per report: job, attempt, number of its first log line, count of items, kind and data of each.
-- Answers how many items were dropped for want of memory, and per report 1, 0 (not the owner), or who asked to stop.
-- A log line is written once: lines up to the job's mark are a repeat. Items are dropped before the server is full, so
-- that ends and leases never have to fight for memory; the hole in the line numbers shows it.
local worker, answers, marks, dropped = ARGV[2], {}, {}, 0
local percent, measured = pressure()
local dropping = percent >= 75
local i = 3
while i <= #ARGV do
  local id, attempt, line, n = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local r = call('HMGET', TAG .. JOB .. id, 's', 'a', 'w', 'h', 'g', 'c', 'v')
  if r[1] == 'running' and r[2] == attempt and r[3] == worker then
    answers[#answers + 1] = r[6] and r[7] ~= attempt and r[6] or 1
    if dropping then
      dropped = dropped + n
    else
      local mark = marks[id] or tonumber(r[5] or 0)
      for k = i + 4, i + 2 + 2 * n, 2 do
        if ARGV[k] == 'logged' then
          if line > mark then
            job_event('job.logged', r[4], attempt, ARGV[k + 1])
            mark = line
          end
          line = line + 1
        else
          job_event('job.progressed', r[4], attempt, ARGV[k + 1])
        end
      end
      if mark > tonumber(r[5] or 0) then marks[id] = mark end
    end
  else
    answers[#answers + 1] = 0
  end
  i = i + 4 + 2 * n
end
if measured or dropped > 0 then
  if dropping then free() end
  if measured then keep_pressure(percent) end
  if dropped > 0 then call('HINCRBY', TAG .. RUN, 'dropped', dropped) end
end
for id, mark in pairs(marks) do call('HSET', TAG .. JOB .. id, 'g', mark) end
emit()
return {dropped, answers}
