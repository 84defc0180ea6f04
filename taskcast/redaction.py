"""Hides secrets before anything leaves the process that knows them.

By name: the value of every argument, key or `name=value` whose name says that it is a secret, however deep. By value:
texts that were registered, wherever they appear. The message a worker runs from is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar

import msgspec

from taskcast.values import cut, encode_plain

MASK = "***"
SHORTEST_VALUE = 4

SECRET_WORDS = frozenset(
    [
        "password",
        "passwords",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "secrets",
        "token",
        "authorization",
        "credential",
        "credentials",
        "cookie",
        "cookies",
        "apikey",
        "accesskey",
        "privatekey",
        "secretkey",
        "signingkey",
        "cvv",
        "cvc",
        "jwt",
    ]
)
SECRET_PAIRS = frozenset(
    {("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"), ("signing", "key"), ("pass", "word")}
)
HINTS = (
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "authoriz",
    "credential",
    "cookie",
    "key",
    "cvv",
    "cvc",
    "jwt",
)
"""One of these stands in every name of `SECRET_WORDS` and `SECRET_PAIRS`; a text without any is not looked at again."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_HINT_IN_JSON = re.compile(b"|".join(hint.encode() for hint in HINTS), re.IGNORECASE)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?P<before>[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+@")


class Redactor:
    """Knows which names and values are secret.

    Args:
        names: further names, compared without case and with `-` as `_`.
        values: texts that are secret wherever they appear.
    """

    on_added: ClassVar[Callable[[Sequence[str]], None] | None] = None
    """Called with values that any redactor of this process was given, where another process must know of them."""

    def __init__(self, *, names: Iterable[str] = (), values: Iterable[str] = ()) -> None:
        self._names = frozenset(_normal(name) for name in names)
        self._pair = _pairs_of([*HINTS, *(re.escape(name).replace("_", "[_-]") for name in self._names)])
        self._values: tuple[str, ...] = ()
        self._encoded: tuple[bytes, ...] = ()
        self.add_values(*values)

    def add_values(self, *values: str) -> None:
        """Register texts that are secret wherever they appear.

        Raises:
            ValueError: for a text under 4 characters, which would blacken everything.
        """
        for value in values:
            if len(value) < SHORTEST_VALUE:
                raise ValueError(
                    f"redact_values: a secret needs {SHORTEST_VALUE} characters or more to be found in texts"
                )
        # The longest first, so that a secret which contains another is hidden whole.
        self._values = tuple(sorted({*self._values, *values}, key=len, reverse=True))
        self._encoded = tuple(encode_plain(value)[1:-1] for value in self._values)
        if Redactor.on_added is not None and values:
            Redactor.on_added(values)

    def hides(self, name: str) -> bool:
        """Tell whether a value of this name is a secret."""
        return _is_secret(name) or (bool(self._names) and _normal(name) in self._names)

    def json(self, encoded: bytes) -> bytes:
        """Return JSON text with its secrets masked; text without any comes back as it is."""
        if (self._names or _HINT_IN_JSON.search(encoded)) and encoded[:1] in b"{[":
            value, changed = self._masked(msgspec.json.decode(encoded))
            if changed:
                encoded = encode_plain(value)
        if (b"=" in encoded or b"://" in encoded or b"earer " in encoded) and encoded[:1] in b'{["':
            value, changed = self._masked_texts(msgspec.json.decode(encoded))
            if changed:
                encoded = encode_plain(value)
        if any(secret in encoded for secret in self._encoded):
            encoded = encode_plain(self._without_values(msgspec.json.decode(encoded)))
        return encoded

    def json_within(self, encoded: bytes, limit: int) -> bytes:
        """Return JSON text masked and cut to `limit` bytes."""
        if len(encoded) <= limit:
            return self.json(encoded)
        return cut(encoded, limit, self.text)

    def text(self, text: str) -> str:
        """Return a text with registered values, `name=value` of secret names, and passwords in URLs masked."""
        for secret in self._values:
            if secret in text:
                text = text.replace(secret, MASK)
        if "://" in text and "@" in text:
            text = _URL_PASSWORD.sub(rf"\g<before>{MASK}@", text)
        if "=" in text or ":" in text:
            lowered = text.lower()
            if self._names or any(hint in lowered for hint in HINTS):
                text = self._pair.sub(self._mask_pair, text)
        if "earer " in text or "asic " in text:
            text = _BEARER.sub(rf"\1 {MASK}", text)
        return text

    def _without_values(self, value: Any) -> Any:
        """Return the value with registered values masked in texts, names and numbers."""
        if type(value) is dict:
            return {self._without_values(name): self._without_values(item) for name, item in value.items()}
        if type(value) is list:
            return [self._without_values(item) for item in value]
        if type(value) is str:
            for secret in self._values:
                value = value.replace(secret, MASK)
            return value
        if type(value) in {int, float} and any(secret in encode_plain(value).decode() for secret in self._values):
            return MASK
        return value

    def _mask_pair(self, found: re.Match[str]) -> str:
        if not self.hides(found["name"]):
            return found[0]
        return f"{found['name']}{found['between']}{found['scheme'] or ''}{MASK}"

    def _masked(self, value: Any) -> tuple[Any, bool]:
        """Return the value with secret names masked, and whether anything was."""
        if type(value) is dict:
            masked, changed = {}, False
            for name, item in value.items():
                if item is not None and item != "" and type(item) is not bool and self.hides(name):
                    masked[name], changed = MASK, True
                else:
                    masked[name], inner = self._masked(item)
                    changed |= inner
            return masked, changed
        if type(value) is list:
            items = [self._masked(item) for item in value]
            return [item for item, _ in items], any(inner for _, inner in items)
        return value, False

    def _masked_texts(self, value: Any) -> tuple[Any, bool]:
        if type(value) is str:
            text = self.text(value)
            return text, text != value
        if type(value) is dict:
            pairs = {name: self._masked_texts(item) for name, item in value.items()}
            return {name: item for name, (item, _) in pairs.items()}, any(inner for _, inner in pairs.values())
        if type(value) is list:
            items = [self._masked_texts(item) for item in value]
            return [item for item, _ in items], any(inner for _, inner in items)
        return value, False


def _pairs_of(hints: Iterable[str]) -> re.Pattern[str]:
    """Return what finds `name=value` and `name: value` where the name has one of the hints in it."""
    return re.compile(
        rf"""(?P<name>[\w.-]{{0,40}}(?:{"|".join(hints)})[\w.-]{{0,40}})(?P<between>["']?\s{{0,3}}[=:]\s{{0,3}}["']?)"""
        r"""(?P<scheme>(?:Bearer|Basic|Token)\s+)?(?P<value>[^\s"',;&)}\]]+)""",
        re.IGNORECASE,
    )


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    return any(word in SECRET_WORDS for word in words) or any(pair in SECRET_PAIRS for pair in pairwise(words))


@lru_cache(maxsize=4096)
def _normal(name: str) -> str:
    return name.lower().replace("-", "_")
