"""Reads one booking of an OFX file, given as its fields, into an entry."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from workers.finance.amounts import AmountError, read_amount
from workers.finance.currencies import CODES, decimals_of
from workers.finance.dates import DateError, read_date
from workers.finance.entries import AccountKey, BadLine, Entry, clean, iban_of, known_reference

Fields = dict[str, str]
"""The values of an aggregate by name; those of an aggregate within bear its name and a point before theirs."""

AGGREGATES = frozenset(
    [
        "BANKACCTFROM",
        "CCACCTFROM",
        "INVACCTFROM",
        "BANKACCTTO",
        "CCACCTTO",
        "LEDGERBAL",
        "AVAILBAL",
        "CURRENCY",
        "ORIGCURRENCY",
        "PAYEE",
        "STATUS",
        "BAL",
        "EXTDPAYEE",
        "IMAGEDATA",
    ]
)
"""Those whose fields have names that others have too."""

DEBITS = frozenset({"DEBIT", "CHECK", "PAYMENT", "FEE", "SRVCHG", "CASH", "POS", "DIRECTDEBIT", "REPEATPMT"})
"""Types of what goes out (OFX 2.2 section 11.4.4.3)."""

CREDITS = frozenset({"CREDIT", "DEP", "DIRECTDEP", "INT", "DIV"})

_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]*|[0-9]{6}[.:,].*|[0-9]*\s*\[.*)$")


class BookingReader:
    """Makes entries of bookings whose amounts have this decimal mark, and, of some banks, no sign but that of their type."""

    def __init__(self, mark: str, *, are_unsigned: bool = False, are_inverted: bool = False) -> None:
        self._mark, self._are_unsigned, self._are_inverted = mark, are_unsigned, are_inverted

    def read(self, fields: Fields, account: AccountKey, statement: int) -> Entry | BadLine:
        """Return the entry of the file's so manieth statement, or the field at fault."""
        line = int(fields["LINE"])
        if account.currency not in CODES:
            return BadLine(line, "CURDEF", f"{account.currency[:60]!r} is no currency of ISO 4217")
        try:
            booked_on = read_ofx_date(fields.get("DTPOSTED") or fields.get("DTUSER", ""))
        except DateError as error:
            return BadLine(line, "DTPOSTED", str(error))
        try:
            amount = self._amount(fields, account.currency)
        except AmountError as error:
            return BadLine(line, "TRNAMT", str(error))
        is_debit = self._are_unsigned and fields.get("TRNTYPE", "").upper() in DEBITS
        if amount and (is_debit or self._are_inverted):
            amount = -amount
        name = clean(fields.get("NAME") or fields.get("PAYEE.NAME") or fields.get("EXTDPAYEE.NAME", ""))
        other = fields.get("BANKACCTTO.ACCTID") or fields.get("CCACCTTO.ACCTID", "")
        bank_id = known_reference(fields.get("FITID", ""))
        number = fields.get("CHECKNUM", "").lstrip("0") or fields.get("REFNUM", "")
        return Entry(
            line,
            account,
            booked_on,
            ofx_date(fields.get("DTAVAIL") or fields.get("VALUEDATE", "")),
            amount,
            clean(fields.get("MEMO", "")) or name or fields.get("TRNTYPE", ""),
            name,
            iban_of(other) or clean(other),
            clean(number),
            clean(fields.get("CATEGORY") or fields.get("TRNTYPE", "")),
            None,
            bank_id,
            statement,
        )

    def _amount(self, fields: Fields, currency: str) -> Decimal:
        foreign, rate = fields.get("CURRENCY.CURSYM", "").upper(), fields.get("CURRENCY.CURRATE", "")
        if foreign not in CODES or foreign == currency:
            return read_ofx_amount(fields.get("TRNAMT", ""), self._mark, currency)
        # OFX 2.2 section 5.2: the amount is in CURSYM, and CURRATE is how much of the account's currency one of it is.
        amount = read_ofx_amount(fields.get("TRNAMT", ""), self._mark, foreign)
        try:
            factor = Decimal(rate.replace(",", "."))
            home = (amount * factor).quantize(Decimal(1).scaleb(-decimals_of(currency)), ROUND_HALF_EVEN)
        except InvalidOperation:
            raise AmountError(f"is in {foreign}, and CURRATE {rate[:60]!r} is no rate") from None
        return home


def read_ofx_amount(text: str, mark: str, currency: str) -> Decimal:
    """Return an amount with this decimal mark, or, where the file has no thousands, with the one it has itself.

    Raises:
        AmountError: if it is none.
    """
    return read_amount(text, mark or ("," if "," in text else "."), currency)


def read_ofx_date(text: str) -> date:
    """Return the day of an OFX time; the zone behind it is the one it was written in, so the day stands.

    Raises:
        DateError: if it is none.
    """
    match = _DATE.match(text)
    return read_date("".join(match.groups()[:3]) if match else text, "ymd")


def ofx_date(text: str) -> date | None:
    """Return the day of an optional OFX time, None if it is missing or none."""
    return _or_none(read_ofx_date, text)


def _or_none(read: Callable[[str], date], text: str) -> date | None:
    try:
        return read(text) if text else None
    except DateError:
        return None
