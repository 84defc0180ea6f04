-- ARGV: jobs. Answers per job what keeps it back, as a hold key, or ''.
local answers = {}
for i = 2, #ARGV do
  local r = call('HMGET', TAG .. JOB .. ARGV[i], 's', 'z')
  insert(answers, r[1] == 'queued' and r[2] and r[2] ~= '-' and r[2] or '')
end
return answers
