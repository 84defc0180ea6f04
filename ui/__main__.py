"""The dashboard's process: `python -m ui`."""

from __future__ import annotations

import logging
import os
import sys
import tempfile


def main() -> int:
    """Serve the dashboard until it is told to stop."""
    # NiceGUI keeps a folder for storage that we do not use; it must not appear where the process was started.
    os.environ.setdefault("NICEGUI_STORAGE_PATH", os.path.join(tempfile.gettempdir(), "taskcast-nicegui"))  # noqa: PTH118
    import uvicorn

    from taskcast.errors import ConfigurationError
    from ui.logs import configure_logging
    from ui.server import create_app
    from ui.settings import load_settings

    try:
        settings = load_settings()
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    configure_logging(settings)
    logging.getLogger(__name__).info("the dashboard listens on http://%s:%d", settings.host, settings.dashboard_port)
    uvicorn.run(
        create_app(settings), host=settings.host, port=settings.dashboard_port, log_config=None, access_log=False,
        ws_per_message_deflate=False, timeout_graceful_shutdown=3, proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies, server_header=False,
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
