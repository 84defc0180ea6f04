-- ARGV: jobs. Answers per job 2 (a record), 1 (a tombstone) or 0.
local answers = {}
for i = 2, #ARGV do
  answers[#answers + 1] = call('EXISTS', TAG .. JOB .. ARGV[i]) == 1 and 2 or call('EXISTS', TAG .. TOMB .. ARGV[i])
end
return answers
