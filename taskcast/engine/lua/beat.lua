-- ARGV: worker, info. Tells worker.beat.
event('worker.beat', ',"data":' .. ARGV[3])
free()
emit()
return 1
