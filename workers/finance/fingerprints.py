"""What makes a booked line itself: the same line in two statements has one fingerprint, two equal coffees of one day have two."""

from __future__ import annotations

import hashlib

from workers.finance.entries import Entry

_MASK = (1 << 64) - 1


class Fingerprints:
    """Gives each entry of one file its fingerprint, unique within the account.

    It is made of date, amount and texts, and of the running number among the file's lines with the same of these. So reading
    a file twice gives the same fingerprints, and a later statement that holds one more of two equal lines adds just that one.
    """

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], int] = {}
        # One number of 64 bits a line, as a statement may have a million of them.
        self._seen: set[int] = set()
        self._again: dict[int, int] = {}

    def of(self, entry: Entry) -> str:
        """Return the fingerprint: 24 hex digits of the contents' SHA-256 and 8 of the running number."""
        text = f"{entry.text}\x1f{entry.counterparty}\x1f{entry.counterparty_account}\x1f{entry.reference}".casefold()
        # + 0 makes one of 0.00 and -0.00, the format one of 12.5 and 12.50.
        contents = f"{entry.booked_on.isoformat()}\x1f{entry.amount + 0:.4f}\x1f{text}"
        digest = hashlib.sha256(contents.encode("utf-8", "surrogatepass")).digest()
        account = (entry.account.identity, entry.account.currency)
        number = self._accounts.setdefault(account, len(self._accounts) + 1)
        key = (int.from_bytes(digest[:8], "big") + number * 0x9E3779B97F4A7C15) & _MASK
        if key not in self._seen:
            self._seen.add(key)
            return f"{digest[:12].hex()}{1:08x}"
        again = self._again[key] = self._again.get(key, 1) + 1
        return f"{digest[:12].hex()}{again:08x}"
