"""How the sample banks write their CSV: each bank its own delimiter, encoding, columns, decimal mark and date order."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Sequence
from decimal import Decimal

from workers.household.bookings import Booking
from workers.household.people import SampleAccount

Rows = list[list[str]]
Dialect = Callable[[SampleAccount, Sequence[Booking]], bytes]


def german(account: SampleAccount, bookings: Sequence[Booking]) -> bytes:
    """Windows-1252 with semicolons, a preamble, decimal commas, and a footer with the balance."""
    rows: Rows = [["Kontoauszug", account.bank], ["IBAN:", account.number], []]
    rows.append(
        [
            "Buchungstag",
            "Wertstellung",
            "Empfänger",
            "Verwendungszweck",
            "Referenz",
            f"Betrag ({account.currency})",
            "Saldo",
        ]
    )
    for b in bookings:
        day = f"{b.day:%d.%m.%Y}"
        rows.append([day, day, b.counterparty, b.text, b.reference, comma(b.amount, "."), comma(b.balance, ".")])
    rows.append(["Endsaldo", comma(bookings[-1].balance, ".") if bookings else "0,00"])
    return written(rows, ";").encode("cp1252", "replace")


def compact(account: SampleAccount, bookings: Sequence[Booking]) -> bytes:
    """UTF-8 with commas, ISO dates and points."""
    rows: Rows = [
        [
            "Booking Date",
            "Value Date",
            "Partner Name",
            "Payment Reference",
            "Account IBAN",
            "Amount (EUR)",
            "Description",
        ]
    ]
    rows += [
        [f"{b.day}", f"{b.day}", b.counterparty, b.reference, account.number, f"{b.amount}", b.text] for b in bookings
    ]
    return written(rows, ",").encode()


def british(account: SampleAccount, bookings: Sequence[Booking]) -> bytes:
    """UTF-8 with a byte order mark, day before month between slashes, money in and out in two columns."""
    rows: Rows = [["Date", "Account", "Description", "Name", "Money Out", "Money In", "Balance", "Currency"]]
    for b in bookings:
        out, into = ("", f"{b.amount}") if b.amount > 0 else (f"{-b.amount}", "")
        rows.append([f"{b.day:%d/%m/%Y}", account.number, b.text, b.counterparty, out, into, f"{b.balance}", "GBP"])
    return written(rows, ",").encode("utf-8-sig")


def american(account: SampleAccount, bookings: Sequence[Booking]) -> bytes:
    """ASCII, month before day, amounts without a sign beside DEBIT or CREDIT, thousands between commas."""
    rows: Rows = [["Posting Date", "Account Number", "Description", "Type", "Amount", "Balance"]]
    for b in bookings:
        side, text = ("CREDIT" if b.amount > 0 else "DEBIT"), f"{b.counterparty} {b.text} {b.reference}"
        rows.append([f"{b.day:%m/%d/%Y}", account.number, text, side, f"${abs(b.amount):,}", f"${b.balance:,}"])
    # As American banks do: letters without their marks.
    return unicodedata.normalize("NFKD", written(rows, ",")).encode("ascii", "ignore")


def french(account: SampleAccount, bookings: Sequence[Booking]) -> bytes:
    """Latin-1 with semicolons, debit and credit in two columns, spaces between thousands."""
    rows: Rows = [["Compte", account.number], ["Devise", account.currency], []]
    rows.append(["Date d'opération", "Date de valeur", "Libellé", "Débit", "Crédit", "Référence"])
    for b in bookings:
        debit, credit = ("", comma(b.amount, " ")) if b.amount > 0 else (comma(-b.amount, " "), "")
        day = f"{b.day:%d/%m/%Y}"
        rows.append([day, day, f"{b.counterparty} {b.text}", debit, credit, b.reference])
    return written(rows, ";").encode("latin-1", "replace")


def swiss(account: SampleAccount, bookings: Sequence[Booking]) -> bytes:
    """UTF-16 with tabs, apostrophes between thousands."""
    rows: Rows = [["Kontonummer", account.number], ["Währung", account.currency]]
    rows.append(
        ["Buchungsdatum", "Avisierungstext", "Gutschrift in CHF", "Lastschrift in CHF", "Valuta", "Saldo in CHF"]
    )
    for b in bookings:
        credit, debit = (apostrophe(b.amount), "") if b.amount > 0 else ("", apostrophe(b.amount))
        day = f"{b.day:%d.%m.%Y}"
        rows.append([day, f"{b.counterparty}\n{b.text} {b.reference}", credit, debit, day, apostrophe(b.balance)])
    return written(rows, "\t").encode("utf-16")


def dutch(account: SampleAccount, bookings: Sequence[Booking]) -> bytes:
    """UTF-8 with semicolons, dates without separators, "Af" or "Bij" beside the amount."""
    rows: Rows = [
        ["Datum", "Naam / Omschrijving", "Rekening", "Tegenrekening", "Af Bij", "Bedrag (EUR)", "Mededelingen"]
    ]
    for b in bookings:
        side = "Bij" if b.amount > 0 else "Af"
        told = f"{b.text} {b.reference}"
        rows.append([f"{b.day:%Y%m%d}", b.counterparty, account.number, "", side, comma(abs(b.amount), ""), told])
    return written(rows, ";").encode()


DIALECTS: dict[str, Dialect] = {
    "german": german,
    "compact": compact,
    "british": british,
    "american": american,
    "french": french,
    "swiss": swiss,
    "dutch": dutch,
}


def comma(amount: Decimal, thousands: str) -> str:
    """Return an amount with a decimal comma."""
    return f"{amount:,.2f}".replace(",", "\x00").replace(".", ",").replace("\x00", thousands)


def apostrophe(amount: Decimal) -> str:
    """Return an amount as the Swiss write it."""
    return f"{amount:,.2f}".replace(",", "'")


def written(rows: Rows, delimiter: str) -> str:
    """Return rows as CSV, quoted where they must be."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return out.getvalue()
