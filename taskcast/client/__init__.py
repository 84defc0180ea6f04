"""The client of a Taskcast gateway: REST in `Client`, the websocket in `Live`; needs `taskcast[client]`."""

from taskcast.client.credentials import Tokens
from taskcast.client.live import Live
from taskcast.client.messages import (
    Connection,
    ConnectionState,
    EventMessage,
    Gap,
    Mark,
    Message,
    Snapshot,
    StateChange,
)
from taskcast.client.rest import Client, GatewayUnavailable, Page
from taskcast.client.subscription import Subscription
from taskcast.errors import GatewayError

__all__ = [
    "Client",
    "Connection",
    "ConnectionState",
    "EventMessage",
    "Gap",
    "GatewayError",
    "GatewayUnavailable",
    "Live",
    "Mark",
    "Message",
    "Page",
    "Snapshot",
    "StateChange",
    "Subscription",
    "Tokens",
]
