"""Reads one entry (`Ntry`), account or balance of a CAMT file, whatever its version.

An entry is one booking, also where it gathers several payments: so the lines add up to the balances, and a notification
(.054) that tells the payments of a batch adds nothing to the statement (.053) that has it in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import Element

from workers.finance.amounts import AmountError, read_amount
from workers.finance.currencies import CODES, known_code
from workers.finance.dates import DateError, read_date
from workers.finance.entries import AccountKey, BadLine, Entry, clean, iban_of, known_reference

BOOKED = frozenset({"", "BOOK"})
PAYMENTS_NAMED = 3


@dataclass(frozen=True, slots=True)
class CamtBalance:
    """A balance; `kind` is ISO 20022's code, such as `OPBD` and `CLBD`."""

    kind: str
    amount: Decimal
    currency: str
    on: date | None


def read_account(element: Element) -> tuple[str, str, str]:
    """Return number, currency (empty if not told) and name of an account."""
    number = _text(element, "Id/IBAN")
    if not number:
        place = element.find("Id")
        number = (
            next((clean(part.text or "") for part in place.iter() if _is_leaf(part)), "") if place is not None else ""
        )
    name = _text(element, "Nm") or _text(element, "Ownr/Nm") or _text(element, "Ownr/Pty/Nm")
    return number, _text(element, "Ccy").upper(), name


def read_camt_balance(element: Element) -> CamtBalance | None:
    """Return a balance, or None if it cannot be read: a statement's entries are worth reading without."""
    amount = element.find("Amt")
    currency = known_code(amount.get("Ccy", "")) if amount is not None else ""
    try:
        found = _amount(amount, currency)
    except AmountError:
        return None
    kind = _text(element, "Tp/CdOrPrtry/Cd") or _text(element, "Tp/CdOrPrtry/Prtry") or _text(element, "Tp/Cd")
    signed = -found if _text(element, "CdtDbtInd").upper() == "DBIT" else found
    return CamtBalance(kind.upper(), signed, currency, _day(element, "Dt"))


def currency_of(entry: Element) -> str:
    """Return the currency of an entry as it is written, empty if it has none."""
    amount = entry.find("Amt")
    return known_code(amount.get("Ccy", "")) if amount is not None else ""


def read_entry(
    line: int, element: Element, account: AccountKey, *, statement: int, otherwise_on: date | None
) -> Entry | BadLine:
    """Return an entry of an account, or the field at fault.

    `statement` counts the file's statements; `otherwise_on` is taken where the entry bears no date.
    """
    status = (_text(element, "Sts/Cd") or _text(element, "Sts")).upper()
    if status not in BOOKED:
        return BadLine(line, "Sts", f"{status[:60]!r} is not booked")
    if account.currency not in CODES:
        return BadLine(line, "Amt", f"{account.currency[:60]!r} is no currency of ISO 4217")
    side = _text(element, "CdtDbtInd").upper()
    if side not in {"CRDT", "DBIT"}:
        return BadLine(line, "CdtDbtInd", f"{side[:60]!r} is neither CRDT nor DBIT" if side else "is missing")
    try:
        amount = _amount(element.find("Amt"), account.currency)
    except AmountError as error:
        return BadLine(line, "Amt", str(error))
    booked_on, valued_on = _day(element, "BookgDt"), _day(element, "ValDt")
    on = booked_on or valued_on or otherwise_on
    if on is None:
        return BadLine(line, "BookgDt", "is missing, as is ValDt, or is no date")
    payments = list(element.iterfind("NtryDtls/TxDtls"))
    reference = _references(payments)
    bank_id = known_reference(
        _text(element, "AcctSvcrRef") or (_text(payments[0], "Refs/AcctSvcrRef") if len(payments) == 1 else "")
    )
    return Entry(
        line,
        account,
        on,
        valued_on,
        -amount if side == "DBIT" and amount else amount,
        _told(element, payments),
        _parties(payments, side),
        _other_account(payments, side),
        reference or known_reference(_text(element, "NtryRef")) or bank_id,
        _kind(element),
        None,
        bank_id,
        statement,
    )


def _told(element: Element, payments: list[Element]) -> str:
    found: dict[str, None] = {}
    for payment in payments:
        texts = [part.text or "" for part in payment.iterfind("RmtInf/Ustrd")]
        texts += [part.text or "" for part in payment.iterfind("RmtInf/Strd/AddtlRmtInf")]
        text = clean(" ".join(texts)) or _text(payment, "AddtlTxInf") or _text(payment, "RmtInf/Strd/CdtrRefInf/Ref")
        if text:
            found[text] = None
    told = clean("; ".join(found)) or _text(element, "AddtlNtryInf") or _kind(element)
    count = sum(int(part.get("payments", "0")) for part in element.iterfind("NtryDtls"))
    return clean(f"{count} payments: {told}") if count > 1 else told


def _parties(payments: list[Element], side: str) -> str:
    names: dict[str, None] = {}
    for payment in payments:
        for role in ("Dbtr", "UltmtDbtr") if side == "CRDT" else ("Cdtr", "UltmtCdtr"):
            name = _text(payment, f"RltdPties/{role}/Nm") or _text(payment, f"RltdPties/{role}/Pty/Nm")
            if name:
                names[name] = None
                break
    shown = list(names)[:PAYMENTS_NAMED]
    return clean(", ".join(shown)) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


def _other_account(payments: list[Element], side: str) -> str:
    role = "DbtrAcct" if side == "CRDT" else "CdtrAcct"
    found = {
        _text(payment, f"RltdPties/{role}/Id/IBAN") or _text(payment, f"RltdPties/{role}/Id/Othr/Id")
        for payment in payments
    }
    only = found.pop() if len(found) == 1 else ""
    return iban_of(only) or only


def _references(payments: list[Element]) -> str:
    if len(payments) != 1:
        return ""
    places = ("Refs/EndToEndId", "RmtInf/Strd/CdtrRefInf/Ref", "Refs/InstrId", "Refs/TxId")
    return next((found for place in places if (found := known_reference(_text(payments[0], place)))), "")


def _kind(element: Element) -> str:
    code = element.find("BkTxCd")
    if code is None:
        return ""
    parts = [_text(code, place) for place in ("Domn/Cd", "Domn/Fmly/Cd", "Domn/Fmly/SubFmlyCd")]
    return "-".join(part for part in parts if part) or _text(code, "Prtry/Cd")


def _amount(element: Element | None, currency: str) -> Decimal:
    text = clean(element.text or "") if element is not None else ""
    return read_amount(text, "," if "," in text and "." not in text else ".", currency or None)


def _day(element: Element, place: str) -> date | None:
    text = _text(element, f"{place}/Dt") or _text(element, f"{place}/DtTm") or _text(element, place)
    try:
        # The day in the zone that the bank wrote it in.
        return read_date(text[:10], "ymd") if text else None
    except DateError:
        return None


def _text(element: Element, place: str) -> str:
    return clean(element.findtext(place) or "")


def _is_leaf(element: Element) -> bool:
    return len(element) == 0 and bool((element.text or "").strip())
