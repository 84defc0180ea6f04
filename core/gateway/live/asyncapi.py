"""The websocket as an AsyncAPI 3 document, generated from the models of `taskcast.protocol` and `taskcast.events`."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from taskcast import protocol
from taskcast.events import EVENT_TYPES, AnyEvent
from taskcast.protocol import CloseCode

REFERENCES = "#/components/schemas/{name}"
CLIENT = {"hello": "Hello", "sub": "Subscribe", "unsub": "Unsubscribe", "refresh": "Refresh", "pong": None}
GATEWAY = {
    "ok": "Ok",
    "err": "Err",
    "snap": "Snap",
    "ev": None,
    "mark": None,
    "gap": "GapInfo",
    "set": None,
    "del": None,
    "ping": None,
    "bye": "Bye",
}


@cache
def document() -> dict[str, Any]:
    """Return the document; a client's and a gateway's frame is one message for each key it may carry."""
    models = [
        protocol.Hello,
        protocol.Subscribe,
        protocol.Unsubscribe,
        protocol.Refresh,
        protocol.Ok,
        protocol.Err,
        protocol.Snap,
        protocol.GapInfo,
        protocol.Bye,
        protocol.ServerFrame,
        protocol.ClientFrame,
        AnyEvent,
    ]
    _, schemas = msgspec.json.schema_components(models, ref_template=REFERENCES)
    # `ev` travels as it came, so its model says "anything"; here it is one of the events.
    schemas["ServerFrame"]["properties"]["ev"] = {
        "oneOf": [{"$ref": REFERENCES.format(name=kind.__name__)} for kind in EVENT_TYPES.values()]
    }
    messages = {
        **{f"client_{key}": _message(key, "ClientFrame", model, schemas) for key, model in CLIENT.items()},
        **{f"gateway_{key}": _message(key, "ServerFrame", model, schemas) for key, model in GATEWAY.items()},
    }
    channel = {"$ref": "#/channels/live"}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Taskcast live",
            "version": protocol.SUBPROTOCOL,
            "description": "Text frames of one or more JSON objects joined by a newline. Close codes: "
            + ", ".join(f"{int(code)} {code.name.lower()}" for code in CloseCode),
        },
        "channels": {
            "live": {
                "address": "/ws",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": {
            "request": {"action": "receive", "channel": channel, "messages": _references("client", CLIENT)},
            "tell": {"action": "send", "channel": channel, "messages": _references("gateway", GATEWAY)},
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _message(key: str, frame: str, model: str | None, schemas: dict[str, Any]) -> dict[str, Any]:
    summary = schemas[model].get("description", key).splitlines()[0] if model else f"An object with the key {key}."
    return {
        "name": key,
        "summary": summary,
        "payload": {"allOf": [{"$ref": REFERENCES.format(name=frame)}, {"required": [key]}]},
    }


def _references(side: str, keys: dict[str, str | None]) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/live/messages/{side}_{key}"} for key in keys]
