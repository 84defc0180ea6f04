"""The URLs of Sentinels and clusters: what is read from them, and what is refused with a sentence."""

from __future__ import annotations

import pytest

from taskcast.engine.address import address_of
from taskcast.engine.owner import LEARNED_MOST, Owner
from taskcast.errors import ConfigurationError
from taskcast.names import Names


@pytest.mark.parametrize("url", ["redis://localhost:6379/0", "rediss://localhost", "unix:///tmp/valkey.sock?db=0"])
def test_url_of_one_server_is_left_to_redis_py(url: str) -> None:
    assert address_of(url) is None


def test_sentinel_url_names_sentinels_service_database_and_both_passwords() -> None:
    address = address_of("redis+sentinel://ada:p%40ss@one,two:5000/orders/3?sentinel_password=s%2F1")

    assert address is not None
    assert (address.kind, address.nodes, address.service) == ("sentinel", (("one", 26379), ("two", 5000)), "orders")
    assert address.options == {"username": "ada", "password": "p@ss", "db": 3}
    assert address.asking == {"password": "s/1"}
    assert not address.tls


def test_cluster_url_names_nodes_and_one_password_for_all() -> None:
    address = address_of("rediss+cluster://:secret@one:7000,[2001:db8::1]:7001,three/?ssl_ca_certs=/ca.pem")

    assert address is not None
    assert (address.kind, address.tls) == ("cluster", True)
    assert address.nodes == (("one", 7000), ("2001:db8::1", 7001), ("three", 6379))
    assert address.options == address.asking == {"password": "secret", "ssl_ca_certs": "/ca.pem"}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis+sentinel://one:26379", "names the service"),
        ("redis+sentinel://one:26379/orders/x", "names the service"),
        ("redis+sentinel:///orders", "at least one host"),
        ("redis+cluster://one:7000/2", "database 0"),
        ("redis+cluster://one:seven/", "no host and port"),
    ],
)
def test_url_that_cannot_be_is_refused_with_the_form_it_should_have(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as refused:
        address_of(url)

    assert "redis+" in str(refused.value)


def test_nodes_of_the_url_are_never_forgotten_for_those_learned() -> None:
    address = address_of("redis+cluster://one:7000,two:7000/")
    assert address is not None
    owner = Owner(address, Names())

    for number in range(100):
        owner.answer(("one", 7000), [[0, 16383, [b"10.0.0.%d" % number, 7000, b"id"]]])

    assert {("one", 7000), ("two", 7000), ("10.0.0.99", 7000)} <= set(owner.nodes())
    assert len(list(owner.nodes())) == 2 + LEARNED_MOST


def test_owner_without_an_address_of_its_own_is_where_it_was_asked() -> None:
    address = address_of("redis+cluster://one:7000/")
    assert address is not None
    owner = Owner(address, Names())

    assert owner.answer(("one", 7000), [[0, 16383, [b"", 7005, b"id"]]]) == ("one", 7005)
    assert owner.answer(("one", 7000), [[0, 16383, [b"?", 7005, b"id"]]]) is None
