"""What field 86 of an MT940 says about a booking, in the three forms in which banks write it, or as plain text.

German, Austrian and Polish banks number their parts (`?20`, `~32`), Dutch ones name them (`/NAME/`), SEPA ones add words such
as `SVWZ+` inside. SWIFT's lines and parts are cut at a fixed width in the middle of words: a full one runs on in the next.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workers.finance.entries import clean, iban_of, known_reference

LINE_WIDTH = 65
PART_WIDTH = 27

_NUMBERED = re.compile(r"[0-9]{3}([?~<>@^|])[0-9]{2}")
_NAMED = re.compile(
    r"/(TRTP|TRCD|IBAN|BIC|NAME|REMI|EREF|KREF|IREF|PREF|TRID|MARF|CSID|ORDP|BENM|ISDT|ADDR|PURP|RTRN|CNTP|ULTC|ULTD|SVCL|OCMT|"
    r"CHGS|EXCH|NRTX|ID|CDTRREFTP|CDTRREF|USTD|STRD)/"
)
_ACCOUNT = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}|[0-9]{7,18}")
_WORDS = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|IBAN|BIC|PURP|COAM|OAMT|RCUR|ANAM)\+")


@dataclass(frozen=True, slots=True)
class Details:
    """The parts of field 86 that the ledger knows; empty where there is none."""

    text: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    reference: str = ""
    bank_category: str = ""


def read_details(lines: Sequence[str], reference: str = "") -> Details:
    """Return what the lines of field 86 say; `reference` is the one of field 61, where some banks write the other account."""
    joined = "".join(lines).lstrip()
    if match := _NUMBERED.match(joined):
        return _numbered(joined, match[1])
    if _NAMED.match(joined):
        return _named(joined)
    first, _, name = lines[0].strip().partition(" ") if lines else ("", "", "")
    rest = clean(_join(lines[1:], LINE_WIDTH))
    if iban_of(first) or (first == reference and _ACCOUNT.fullmatch(first)):
        return Details(text=rest or clean(name), counterparty=clean(name), counterparty_account=iban_of(first) or first)
    return Details(text=clean(_join(lines, LINE_WIDTH)))


def _join(parts: Sequence[str], width: int) -> str:
    text = ""
    for at, part in enumerate(parts):
        runs_on = at > 0 and len(parts[at - 1]) >= width and not _WORDS.match(part)
        text += part if runs_on or not text else f" {part}"
    return text


def _numbered(text: str, mark: str) -> Details:
    pieces = re.split(rf"{re.escape(mark)}([0-9]{{2}})", text)
    parts: dict[str, list[str]] = {}
    for number, value in zip(pieces[1::2], pieces[2::2], strict=True):
        parts.setdefault(_group(number), []).append(value)
    words = _by_word(_join(parts.get("purpose", []), PART_WIDTH))
    account = "".join(parts.get("account", [])).strip()
    return Details(
        text=clean(words.get("SVWZ") or words.get("", "")),
        counterparty=clean(_join(parts.get("name", []), PART_WIDTH) or words.get("ABWA", "")),
        counterparty_account=iban_of(account) or iban_of(words.get("IBAN", "")) or clean(account),
        reference=known_reference(words.get("EREF", "")) or known_reference(words.get("KREF", "")),
        bank_category=clean(" ".join(parts.get("kind", []))),
    )


def _group(number: str) -> str:
    if "20" <= number <= "29" or "60" <= number <= "63":
        return "purpose"
    return {"00": "kind", "31": "account", "38": "account", "32": "name", "33": "name"}.get(number, number)


def _by_word(purpose: str) -> dict[str, str]:
    """Split `EREF+1 SVWZ+Rent` by its words; what stands before the first is under the empty name."""
    pieces = _WORDS.split(purpose)
    found = {"": pieces[0].strip()}
    for word, value in zip(pieces[1::2], pieces[2::2], strict=True):
        found[word] = f"{found[word]} {value.strip()}" if word in found else value.strip()
    if not found[""] and "SVWZ" not in found:
        found[""] = purpose
    return found


def _named(text: str) -> Details:
    pieces = _NAMED.split(text)
    found: dict[str, str] = {}
    for word, value in zip(pieces[1::2], pieces[2::2], strict=True):
        found.setdefault(word, value.strip("/ "))
    party = found.get("CNTP", "").split("/")
    remittance = next((found[word] for word in ("REMI", "USTD", "STRD", "CDTRREF") if found.get(word)), "")
    account = found.get("IBAN") or party[0]
    return Details(
        text=clean(remittance or found.get("TRTP", "") or found.get("NAME", "") or text),
        counterparty=clean(found.get("NAME") or (party[2] if len(party) > 2 else "")),
        counterparty_account=iban_of(account) or clean(account),
        reference=known_reference(found.get("EREF", "")) or known_reference(found.get("KREF", "")),
        bank_category=clean(found.get("TRTP", "")),
    )
