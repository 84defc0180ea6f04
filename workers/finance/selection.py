"""Which accounts a job is about: all of them, or those that its caller names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from taskcast.errors import TaskcastError

SHOWN = 8


class AccountUnknown(TaskcastError, LookupError):
    """There is no such account; name one by its id, IBAN, number or name."""

    code = "account_unknown"


@dataclass(frozen=True, slots=True)
class ChosenAccount:
    """An account of the ledger."""

    id: UUID
    identity: str
    name: str
    currency: str
    user_id: str | None


async def chosen_accounts(
    connection: Any, accounts: Sequence[str] | None = None, *, user_id: str | None = None
) -> list[ChosenAccount]:
    """Return the accounts named by id, IBAN, number or name, or all if none is named, by currency and name.

    Raises:
        AccountUnknown: if one of the names is no account's, or the user has none of this name.
    """
    rows = await connection.fetch(
        """SELECT id, identity, name, currency, user_id FROM accounts
           WHERE $1::text IS NULL OR user_id = $1 ORDER BY currency, name, identity""",
        user_id,
    )
    known = [ChosenAccount(*row) for row in rows]
    if accounts is None:
        return known
    chosen: dict[UUID, ChosenAccount] = {}
    for wanted in accounts:
        found = [account for account in known if _plain(str(wanted)) in _names(account)]
        if not found:
            names = (
                ", ".join(dict.fromkeys(account.name for account in known[:SHOWN])) or "none yet; import a statement"
            )
            raise AccountUnknown(
                f"accounts: there is no account {str(wanted)[:80]!r}; give an id, IBAN or name (there are: {names})"
            )
        chosen.update((account.id, account) for account in found)
    return [account for account in known if account.id in chosen]


def _names(account: ChosenAccount) -> set[str]:
    return {_plain(str(account.id)), _plain(account.identity), _plain(account.name)}


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()
