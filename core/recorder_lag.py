"""How far the recorder is behind the events."""

from __future__ import annotations

import time

from core.storage.live import position
from taskcast.engine.engine import Engine


async def recorder_lag_s(engine: Engine, *, deadline_s: float) -> float:
    """Return the age of the oldest event that is not in the database; 0 if all are."""
    recorded = await position()
    server = await engine.server(deadline_s=deadline_s)
    if server.seq <= recorded:
        return 0.0
    oldest = await engine.redis.xrange(engine.names.events, f"({recorded}-0", "+", count=1)
    if not oldest:
        return 0.0
    entry_id = oldest[0][0].decode() if isinstance(oldest[0][0], bytes) else str(oldest[0][0])
    return max(0.0, time.time() - int(entry_id.partition("-")[0]) / 1e6)
