-- include: due
-- ARGV: limit. Answers how many jobs came into their lanes, and the milliseconds until the next is due (-1: none).
find_due(math.min(tonumber(ARGV[2]), MOST))
write_due()
emit()
return {#due, next_due()}
