-- ARGV: job. Answers its record, its tombstone, and when it is due.
return {
  call('HMGET', TAG .. JOB .. ARGV[2], 's', 'a', 'e', 'l', 'w', 'q', 'x', 'c', 'h', 'r', 'z', 'f'),
  call('GET', TAG .. TOMB .. ARGV[2]),
  call('ZSCORE', TAG .. DELAYED, ARGV[2]),
}
