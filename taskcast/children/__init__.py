"""Child processes for sync functions that must be killable: `@broker.task(executor="process")`.

A worker starts one template process, which imports the tasks' modules and then forks a child in milliseconds whenever
one is needed; `pool` and `link` are the worker's side, `template`, `child` and `teller` run in the other processes.
"""
