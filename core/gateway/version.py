"""The version that the gateway tells."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("taskcast")
except PackageNotFoundError:
    VERSION = "0+checkout"
