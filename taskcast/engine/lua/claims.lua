-- What the engine counts as a worker's, beside what the worker says it holds.
local lost, cancels, all_seen = {}, {}, false

-- ARGV[from]: how many jobs are named, -1 if the worker does not say; then job and attempt of each.
-- Unnamed jobs of takes up to `known` go back to their lane: their take was answered, but nobody heard it.
local function compare(worker, known, from, asked)
  local n = tonumber(ARGV[from])
  if n < 0 and not asked then return end
  local named, own, flat = {}, {}, call('HGETALL', TAG .. HELD .. worker)
  for i = 1, #flat, 2 do
    local attempt, take, stop = match(flat[i + 1], '^(%d+) (%d+)(.*)$')
    if attempt and not match(flat[i], '^[#!@]') then own[flat[i]] = {attempt, tonumber(take), stop ~= ''} end
  end
  for i = from + 1, from + 2 * n, 2 do
    local mine = own[ARGV[i]]
    if mine and mine[1] == ARGV[i + 1] then named[ARGV[i]] = true
    else insert(lost, ARGV[i]); insert(lost, tonumber(ARGV[i + 1])) end
  end
  local stops = 0
  for id, mine in pairs(own) do
    if n >= 0 and mine[2] <= known and not named[id] then
      give_back(worker, id, mine[1], true, 'released')
    elseif mine[3] then
      stops = stops + 1
      local asked_text = call('HGET', TAG .. JOB .. id, 'c')
      if asked_text then
        insert(cancels, id)
        insert(cancels, tonumber(mine[1]))
        insert(cancels, asked_text)
      end
    end
  end
  all_seen = asked and stops == 0
end
