"""How much memory this process has."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def rss_bytes() -> int:
    """Return the resident size now; where the system does not tell it, the largest it has been."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
