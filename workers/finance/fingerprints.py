"""What makes a booked line itself: the same line in two statements has one fingerprint, two equal coffees of one day have two."""

from __future__ import annotations

import hashlib

from workers.finance.entries import Entry

SHORTEST_NAME = 6

_MASK = (1 << 64) - 1


class Fingerprints:
    """Gives each entry of one file its fingerprint, unique within the account.

    It is made of date, amount and texts, and of the running number among the file's lines with the same of these. So reading
    a file twice gives the same fingerprints, and a later statement that holds one more of two equal lines adds just that one.

    Where the bank names its bookings (OFX's FITID, CAMT's AcctSvcrRef, MT940's bank reference), the name stands for the texts:
    a bank may word a booking anew in its next file. A file of several statements may tell a booking in two of them: wholly equal
    lines of one name are one then. Within one statement they are two, as a bank tells nothing twice there.
    """

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], int] = {}
        # One number of 64 bits a line, as a statement may have a million of them.
        self._seen: set[int] = set()
        self._again: dict[int, int] = {}
        self._named: dict[tuple[int, int], int] = {}
        self._statement = 0
        self._in_statement: dict[int, int] = {}

    def of(self, entry: Entry) -> str:
        """Return the fingerprint: 24 hex digits of the contents' SHA-256 and 8 of the running number."""
        text = f"{entry.text}\x1f{entry.counterparty}\x1f{entry.counterparty_account}\x1f{entry.reference}".casefold()
        # + 0 makes one of 0.00 and -0.00, the format one of 12.5 and 12.50.
        when_and_what = f"{entry.booked_on.isoformat()}\x1f{entry.amount + 0:.4f}\x1f"
        if not entry.bank_id or not is_name(entry.bank_id):
            digest = _digest(when_and_what + text)
            return f"{digest[:12].hex()}{self._number(entry, digest):08x}"
        digest = _digest(f"{when_and_what}\x1fid\x1f{entry.bank_id.casefold()}")
        whole = self._key(entry, _digest(f"{when_and_what}{text}\x1f{entry.bank_id.casefold()}"))
        if entry.statement != self._statement:
            self._statement, self._in_statement = entry.statement, {}
        again = self._in_statement[whole] = self._in_statement.get(whole, 0) + 1
        if (whole, again) not in self._named:
            self._named[whole, again] = self._number(entry, digest)
        return f"{digest[:12].hex()}{self._named[whole, again]:08x}"

    def _number(self, entry: Entry, digest: bytes) -> int:
        key = self._key(entry, digest)
        if key not in self._seen:
            self._seen.add(key)
            return 1
        again = self._again[key] = self._again.get(key, 1) + 1
        return again

    def _key(self, entry: Entry, digest: bytes) -> int:
        account = (entry.account.identity, entry.account.currency)
        number = self._accounts.setdefault(account, len(self._accounts) + 1)
        return (int.from_bytes(digest[:8], "big") + number * 0x9E3779B97F4A7C15) & _MASK


def is_name(bank_id: str) -> bool:
    """Tell whether an id names one booking for good: some banks only count a file's lines, or write the same everywhere."""
    return len(bank_id) >= SHORTEST_NAME and len(set(bank_id)) > 2


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
