"""The generated description of the websocket."""

from __future__ import annotations

import json
import re

import httpx

from core.gateway.live.asyncapi import CLIENT, GATEWAY, document
from taskcast.events import EVENT_TYPES
from taskcast.protocol import ClientFrame, ServerFrame
from tests.core.live.conftest import Gateway


def test_every_frame_and_every_event_is_described() -> None:
    described = document()

    assert set(CLIENT) | {"id"} == set(ClientFrame.__struct_encode_fields__)
    assert set(GATEWAY) | {"id", "s", "pos"} == set(ServerFrame.__struct_encode_fields__)
    assert {kind.__name__ for kind in EVENT_TYPES.values()} <= set(described["components"]["schemas"])


def test_every_reference_leads_somewhere() -> None:
    described = document()
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(described)))

    assert references
    for reference in references:
        found = described
        for step in reference.split("/"):
            assert step in found, reference
            found = found[step]


async def test_the_gateway_serves_the_description(gateway: Gateway) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(gateway.url + "/docs/asyncapi.json")

    assert answer.json() == json.loads(json.dumps(document()))
