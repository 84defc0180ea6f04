"""The recorder: writes what the events say into PostgreSQL, each event exactly once and in order.

`decoding` reads lines, `fold` turns events into rows, `store` writes them, `recorder` is the loop around all three.
"""
