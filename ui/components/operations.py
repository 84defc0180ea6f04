"""The operations that this person began, in the corner of every page."""

from __future__ import annotations

from typing import Any

from taskcast.client import GatewayError
from ui.components.element import LiveElement
from ui.model import Row
from ui.operations import is_running, operation_card

MOST = 4
"""Cards that are shown at once, the newest."""


class OperationCards(LiveElement, component="operation_cards.js"):
    """A card for each: it comes when one is begun, or seen to go on, and stays after the end until it is closed.

    Emits `cancel` and `close` with the operation's id.
    """

    def __init__(self, page: Any) -> None:
        super().__init__(page, page.operations)
        self._table = page.operations
        self._by = str(page.session.user.get("email") or "")
        self._rows: dict[str, Row] = {}
        self._asked: set[str] = set()

    def follow(self, row: Row) -> None:
        """Show an operation that was just begun; an end that was told meanwhile stands."""
        key = str(row["id"])
        known = self._table.rows.get(key)
        self._rows[key] = row if known is None or is_running(known) else known
        self._table.take(self._rows[key])

    def close(self, operation: str) -> None:
        """Forget one that has ended."""
        self._rows.pop(operation, None)
        self.draw()

    def draw(self) -> None:
        """Send the cards."""
        for key, row in self._table.rows.items():
            if key in self._rows or (is_running(row) and row.get("by") == self._by):
                self._rows[key] = row
        for key, row in self._rows.items():
            if is_running(row) and self._table.is_loaded and key not in self._table.rows and key not in self._asked:
                self._asked.add(key)
                self._table.spawn(self._read(key), "an operation that is not told of any more")
        newest = sorted(self._rows.values(), key=lambda row: str(row.get("created_at")))[-MOST:]
        self.send_if_changed({"items": [operation_card(row) for row in newest]})

    async def _read(self, operation: str) -> None:
        """Ask how one ended whose end was told while nobody listened."""
        try:
            row = await self.page.session.client.operation(operation)
        except GatewayError as error:
            if error.status != 404:
                raise
            self.close(operation)
        else:
            if operation in self._rows:
                self.follow(row)
        finally:
            self._asked.discard(operation)
