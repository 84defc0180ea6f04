"""The base of our Vue components: JSON goes to the browser as one string, and nothing goes to a page that is not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from nicegui import ui
from nicegui.events import GenericEventArguments

if TYPE_CHECKING:
    from ui.page import Page
    from ui.views.view import View

SHARED = Path(__file__).parent / "shared"
ROOT = "/admin"
BASE = f"{ROOT}/jobs"
QUEUES = f"{ROOT}/queues"
TASKS = f"{ROOT}/tasks"
WORKERS = f"{ROOT}/workers"
SCHEDULES = f"{ROOT}/schedules"
PLACES = (BASE, QUEUES, TASKS, SCHEDULES, WORKERS)
"""Where the pages are; each place is a page, and what lies below it belongs to it."""
ASSETS = "/admin/assets"

_encode = msgspec.json.Encoder(enc_hook=repr).encode


def encode(value: Any) -> str:
    """Return JSON text; a string keeps what jobs wrote apart from code on its way through the socket."""
    return _encode(value).decode()


class LiveElement(ui.element, esm={"taskcast-ui": str(SHARED)}):
    """An element with the methods `reset` and `patch` in the browser."""

    def __init__(self, page: Page, view: View | None = None) -> None:
        super().__init__()
        self.page = page
        self._view = view
        self._last: dict[str, str] = {}
        page.elements.add(self)
        if view is not None:
            view.attach(self)

    @property
    def is_here(self) -> bool:
        """Tell whether the browser can be told anything."""
        return not self.is_deleted and self.client.has_socket_connection

    def send(self, method: str, value: Any) -> None:
        """Call a method of the component with a value; nothing happens while the browser is away."""
        if self.is_here:
            self.run_method(method, encode(value))

    def send_if_changed(self, value: Any, method: str = "patch") -> None:
        """Do so unless it is what was sent last."""
        text = encode(value)
        if self.is_here and self._last.get(method) != text:
            self._last[method] = text
            self.run_method(method, text)

    def came_back(self) -> None:
        """Tell all again: the browser has connected, for the first time or once more."""
        self._last.clear()
        self.draw()

    def draw(self) -> None:
        """Send what the component shows; components with state of their own say how."""

    def hear(self, event: str, told: Callable[[Any], Any]) -> None:
        """Call `told` with what the component emits, unless the session has ended; `Page.act` also asks the gateway."""

        def heard(arguments: GenericEventArguments) -> Any:
            if self.page.session.is_ended:
                self.page.leave()
                return None
            return told(arguments.args)

        self.on(event, heard)

    def _handle_delete(self) -> None:
        if self._view is not None:
            self._view.detach(self)
        self.page.elements.discard(self)
        super()._handle_delete()


def el(tag: str, classes: str = "", text: str | None = None, **props: str) -> ui.element:
    """Return a plain element; its text is a text node, escaped by Vue."""
    element = ui.element(tag).classes(classes)
    if text is not None:
        element._text = text
    for name, value in props.items():
        element._props[name.replace("_", "-")] = value
    return element


def icon(name: str) -> ui.element:
    """Return an icon of ours."""
    return el("i", f"i i-{name}", aria_hidden="true")
