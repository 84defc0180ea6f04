"""Which column of a statement is what, by the names that banks give them in eight languages.

Names are compared without case, accents, punctuation, little words and currencies: "Betrag (EUR)" is "betrag".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from workers.finance.currencies import CODES
from workers.finance.dates import is_date
from workers.finance.entries import StatementUnreadable, iban_of

# Better names first: where two columns could be one field, the earlier name wins.
NAMES: dict[str, str] = {
    "date": """buchungstag, buchungsdatum, buchung, booking date, posting date, posted date, date posted, completed date,
        transaction date, trans date, date operation, date comptabilisation, date comptable, fecha operacion, fecha contable,
        fecha movimiento, fecha, data contabile, data operazione, data registrazione, data movimento, boekdatum,
        boekingsdatum, transactiedatum, verwerkingsdatum, bokforingsdag, bokforingsdatum, bogforingsdato, data ksiegowania,
        data operacji, data lancamento, data mov, kaufdatum, belegdatum, datum, date, dato, data, datum uctovani, started date""",
    "valued": """valutadatum, wertstellung, wertstellungsdatum, wert, value date, date valeur, fecha valor, data valuta,
        rentedatum, valutadag, valuteringsdag, data valor, renteingangsdatum, value""",
    "amount": """betrag, umsatz, buchungsbetrag, betrag kontowahrung, netto, net, net amount, amount, transaction amount,
        montant, montant operation, importe, importe operacion, importo, importo operazione, ammontare, bedrag,
        transactiebedrag, kwota, kwota operacji, belopp, belob, castka, valor, cantidad, movimiento, sum, value amount""",
    "debit": """soll, belastung, lastschrift, debit, debits, debit amount, paid out, money out, withdrawal, withdrawals,
        withdrawal amount, ausgang, ausgabe, ausgaben, cargo, cargos, debe, dare, addebiti, addebito, uscite, uscita, afschrijving,
        belastungsbetrag, retrait, debito""",
    "credit": """haben, gutschrift, credit, credits, credit amount, paid in, money in, deposit, deposits, deposit amount, eingang,
        einnahme, einnahmen, abono, abonos, haber, avere, accrediti, accredito, entrate, entrata, bijschrijving, gutschriftsbetrag,
        depot, credito""",
    "side": """soll haben, soll haben kennzeichen, s h, debit credit, credit debit, credit debit indicator, dc, d c, cr dr,
        af bij, bij af, debit credit indicator, sens, segno, dare avere, debe haber, umsatzart kennzeichen""",
    "text": """buchungstext, verwendungszweck, verwendungszweckzeile 1, buchungsinformationen, beschreibung, buchungsdetails,
        avisierungstext, text, description, transaction description, details, memo, narrative, particulars, notes, note,
        remittance information, payment details, libelle, libelle operation, libelle simplifie, concepto, descripcion,
        observaciones, descrizione, descrizione operazione, causale, omschrijving, omschrijving 1, omschrijving 2, mededelingen,
        mededeling, tytul, tytul operacji, opis, opis operacji, popis, beskrivelse, tekst, referenstext, descricao, zweck,
        vorgang, umsatztext, spesenbezeichnung, beschreibung1, beschreibung2, buchungsgrund, vwz1""",
    "counterparty": """beguenstigter zahlungspflichtiger, begunstigter zahlungspflichtiger, name zahlungsbeteiligter,
        auftraggeber beguenstigter, auftraggeber begunstigter, auftraggeber empfanger, auftraggeber empfaenger, empfanger,
        empfaenger, zahlungsempfanger, zahlungsempfanger in, zahlungspflichtiger, zahlungspflichtige r, auftraggeber, payee,
        payee name, merchant, merchant name, counterparty, counterparty name, partner name, beneficiary, beneficiary name,
        contrepartie, beneficiario, ordenante, ordinante, controparte, tegenpartij, naam tegenpartij, naam omschrijving, naam,
        name description, nadawca odbiorca, odbiorca, kontrahent, motpart, nazev protiuctu, name, to from""",
    "counterparty_account": """kontonummer iban, iban zahlungsbeteiligter, iban begunstigter, counterparty iban,
        counterparty account, partner iban, tegenrekening, tegenrekening iban bban, tegenrekeningnummer, contrapartida,
        iban beneficiario, compte contrepartie, protiucet, konto kontrahenta, gegenkonto""",
    "reference": """kundenreferenz, kundenreferenz end to end, end to end reference, referenz, referenznummer, reference,
        transaction id, transaction reference, payment reference, reference operation, referencia, riferimento, kenmerk,
        transactiereferentie, betalingskenmerk, bank reference, check number, check or slip, num, umsatz id, uuid, id""",
    "bank_category": "kategorie, category, categorie, categoria, kategoria, rubriek, unterkategorie",
    "currency": """wahrung, waehrung, kontowahrung, currency, account currency, currency code, ccy, devise, divisa, moneda,
        munt, muntsoort, waluta, mena, moeda""",
    "balance": """saldo nach buchung, saldo, balance, running balance, account balance, balance after, solde, kontostand,
        saldo na mutatie, saldo disponibile, saldo contable, saldo progressivo, zustatek, balance amount, nouveau solde""",
    "account": """auftragskonto, iban auftragskonto, kontonummer, konto, konto nr, account number, account, account no,
        account iban, iban account, rekening, rekeningnummer, iban bban, numero compte, compte, numero cuenta, cuenta, iban cuenta,
        conto, numero conto, rachunek, cislo uctu, kortnummer, kreditkarte, card number, card no, kartennummer""",
    "account_name": "kontoname, kontobezeichnung, bezeichnung auftragskonto, account name, nombre cuenta, naam rekening, nome conto",
    "status": "status, state, umsatzstatus, buchungsstatus, transaction status, estado, statut, stato",
}

UNSURE: dict[str, tuple[str, ...]] = {
    "valuta": ("valued", "currency"),
    "iban": ("account", "counterparty_account"),
    "kontonummer": ("account", "counterparty_account"),
    "type": ("side", "text"),
    "transaction type": ("side", "text"),
    "umsatzart": ("side", "text"),
    "umsatztyp": ("side", "text"),
    "art": ("side", "text"),
    "code": ("side", "text"),
    "mutatiesoort": ("side", "text"),
}
"""Names that mean one thing here and another there; the cells below decide."""

NEGATIVE = frozenset(
    [
        "s",
        "soll",
        "d",
        "dr",
        "db",
        "debit",
        "debet",
        "dbit",
        "af",
        "-",
        "debito",
        "dare",
        "cargo",
        "debe",
        "uscita",
        "lastschrift",
        "belastung",
        "ausgang",
    ]
)
POSITIVE = frozenset(
    [
        "h",
        "haben",
        "c",
        "cr",
        "credit",
        "crdt",
        "bij",
        "+",
        "credito",
        "avere",
        "abono",
        "haber",
        "entrata",
        "gutschrift",
        "eingang",
        "k",
    ]
)
MANY = frozenset({"text", "counterparty"})

_LITTLE = frozenset(
    [
        "in",
        "der",
        "des",
        "de",
        "du",
        "d",
        "l",
        "la",
        "le",
        "les",
        "of",
        "the",
        "di",
        "del",
        "della",
        "van",
        "da",
        "do",
        "el",
        "en",
        "na",
        "pro",
    ]
)
_IN_CURRENCY = re.compile(r"\bin\s+(?=[A-Z]{3}\b|€|\$|£)")
_NOT_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """The index of each field's column; texts and counterparties may be made of several."""

    headers: tuple[str, ...]
    index: dict[str, int]
    many: dict[str, tuple[int, ...]]

    @property
    def width(self) -> int:
        """The number of columns, without nameless ones at the end."""
        return max(at for at, header in enumerate(self.headers, 1) if header)

    def names(self) -> dict[str, str]:
        """Return each field with the header it was found under."""
        found = {field: self.headers[at] for field, at in self.index.items()}
        return found | {field: ", ".join(self.headers[at] for at in ats) for field, ats in self.many.items()}


def plain_name(header: str) -> str:
    """Return a header as it is compared: `Betrag (EUR)` becomes `betrag`."""
    words = re.split(r"\W+", _IN_CURRENCY.sub(" ", header))
    kept = " ".join(word for word in words if not (word.isupper() and word in CODES))
    folded = unicodedata.normalize("NFKD", kept.casefold().replace("ø", "o").replace("ł", "l"))
    bare = "".join(character for character in folded if not unicodedata.combining(character))
    return " ".join(word for word in _NOT_WORD.sub(" ", bare).split() if word not in _LITTLE)


_RANKED: dict[str, tuple[str, int]] = {
    plain_name(name): (field, rank)
    for field, names in reversed(NAMES.items())
    for rank, name in enumerate(" ".join(names.split()).split(", "))
}


def recognised(cells: Sequence[str]) -> int:
    """Return how many cells name a field, or 0 where date or amount is missing: then it is no header."""
    plain = [plain_name(cell) for cell in cells]
    fields = {_RANKED[name][0] for name in plain if name in _RANKED}
    if "date" not in fields and "valued" not in fields and "valuta" not in plain:
        return 0
    if not fields & {"amount", "debit", "credit"}:
        return 0
    return sum(name in _RANKED or name in UNSURE for name in plain)


def find_columns(headers: Sequence[str], sample: Sequence[Sequence[str]]) -> Columns:
    """Return which column is what; `sample` are some records below the header.

    Raises:
        StatementUnreadable: if there is no column for the date or the amount.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for at, header in enumerate(headers):
        name = plain_name(header)
        values = [row[at].strip() for row in sample if at < len(row) and row[at].strip()]
        if name in UNSURE:
            field = _decide(UNSURE[name], values)
            found.setdefault(field, []).append((100 + at, at))
        elif name in _RANKED:
            field, rank = _RANKED[name]
            if field != "side" or _are_sides(values):
                found.setdefault(field, []).append((rank, at))
    if "date" not in found and "valued" in found:
        found["date"] = found.pop("valued")
    if "date" not in found:
        raise _missing("date", headers)
    if not found.keys() & {"amount", "debit", "credit"}:
        raise _missing("amount", headers)
    if "amount" in found:
        found.pop("debit", None)
        found.pop("credit", None)
    many = {field: tuple(sorted(at for _, at in found.pop(field))) for field in MANY if field in found}
    return Columns(tuple(headers), {field: min(places)[1] for field, places in found.items()}, many)


def _decide(fields: tuple[str, ...], values: list[str]) -> str:
    first, second = fields
    if first == "valued":
        return first if not values or any(is_date(value) for value in values) else second
    if first == "account":
        return first if len(set(values)) <= 1 and values and iban_of(values[0]) else second
    return first if _are_sides(values) else second


def _are_sides(values: list[str]) -> bool:
    words = {value.casefold() for value in values}
    return bool(words) and words <= NEGATIVE | POSITIVE


def _missing(field: str, headers: Sequence[str]) -> StatementUnreadable:
    known = ", ".join(NAMES[field].split(", ")[:4]).title()
    shown = ", ".join(header.strip() for header in headers if header.strip())[:300]
    return StatementUnreadable(
        field,
        f"no column is named like one (found: {shown})",
        f"name it {known} or another usual name in the header line, or pass a mapping",
    )
