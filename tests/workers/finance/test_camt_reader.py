from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tests.workers.finance.reading import read
from tests.workers.finance.samples import CAMT_053
from workers.finance.entries import StatementUnreadable

BOMB = """<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>"""
EXTERNAL = """<!DOCTYPE Document SYSTEM "file:///etc/passwd">"""


def test_entries_are_read_with_their_parties_and_texts() -> None:
    found = read(CAMT_053)

    assert found.format.name == "CAMT.053.001.08"
    rent, batch = found.entries
    assert (rent.booked_on, rent.valued_on, rent.amount) == (date(2024, 10, 1), date(2024, 10, 2), Decimal("-800.00"))
    assert (rent.text, rent.reference, rent.bank_id) == ("Miete Oktober Wohnung 7", "MIETE-2024-10", "2024100100000001")
    assert (rent.counterparty, rent.counterparty_account) == ("Hausverwaltung Süd", "DE02120300000000202051")
    assert (rent.bank_category, rent.line, rent.account.name) == ("PMNT-RDDT-ESDD", 10, "Ada Meadow")
    assert (batch.booked_on, batch.amount) == (date(2024, 10, 15), Decimal("-29.90"))
    assert (batch.text, batch.counterparty) == ("2 payments: Gas; Strom", "Gas AG, Strom AG")


def test_what_is_not_booked_is_left_out_and_told() -> None:
    (pending,) = read(CAMT_053).bad

    assert (pending.line, pending.field, pending.reason) == (30, "Sts", "'PDNG' is not booked")


def test_the_balances_agree_with_the_lines() -> None:
    (balances,) = read(CAMT_053).balances

    assert (balances.opening, balances.closing, balances.difference) == (
        Decimal("1000.00"),
        Decimal("170.10"),
        Decimal("0.00"),
    )


@pytest.mark.parametrize("version", ["02", "04", "13"])
def test_any_version_and_prefix_reads_alike(version: str) -> None:
    older = (
        CAMT_053.replace("001.08", f"001.{version}")
        .replace("<Cd>BOOK</Cd>", "BOOK")
        .replace("<Pty>", "")
        .replace("</Pty>", "")
    )
    prefixed = (
        older.replace("xmlns=", "xmlns:n=")
        .replace("</", "</n:")
        .replace("<", "<n:")
        .replace("<n:/n:", "</n:")
        .replace("<n:?", "<?")
    )

    for sample in (older, prefixed):
        found = read(sample)
        assert found.format.name == f"CAMT.053.001.{version}"
        assert (found.amounts, found.entries[0].counterparty) == (
            [Decimal("-800.00"), Decimal("-29.90")],
            "Hausverwaltung Süd",
        )


@pytest.mark.parametrize(
    ("message", "wrapper", "code"), [("BkToCstmrAcctRpt", "Rpt", "052"), ("BkToCstmrDbtCdtNtfctn", "Ntfctn", "054")]
)
def test_reports_and_notifications_are_read(message: str, wrapper: str, code: str) -> None:
    text = (
        CAMT_053.replace("BkToCstmrStmt", message).replace("Stmt>", f"{wrapper}>").replace("camt.053", f"camt.{code}")
    )

    found = read(text)

    assert found.format.name == f"CAMT.{code}.001.08"
    assert len(found.entries) == 2


def test_a_whole_business_message_around_the_document_is_read() -> None:
    inside = CAMT_053.split("?>", 1)[1]

    found = read(f'<?xml version="1.0"?><Envelope xmlns="urn:bank"><AppHdr><Fr/></AppHdr>{inside}</Envelope>')

    assert (found.format.name, len(found.entries)) == ("CAMT.053.001.08", 2)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_the_encoding_is_that_of_the_bytes_whatever_the_declaration_says(encoding: str) -> None:
    assert read(CAMT_053.encode(encoding)).entries[0].counterparty == "Hausverwaltung Süd"


def test_missing_optional_elements_cost_nothing() -> None:
    text = (
        "<Document><BkToCstmrStmt><Stmt><CreDtTm>2024-10-31T08:00:00</CreDtTm><Acct><Id><Othr><Id>77-1</Id></Othr></Id></Acct>"
        '<Ntry><Amt Ccy="CHF">5</Amt><CdtDbtInd>CRDT</CdtDbtInd></Ntry></Stmt></BkToCstmrStmt></Document>'
    )

    (entry,) = read(text).entries

    assert (entry.booked_on, entry.amount, entry.account.identity, entry.account.currency) == (
        date(2024, 10, 31),
        Decimal(5),
        "77-1",
        "CHF",
    )


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("800.00", "1.23456", "Amt"),
        ('<Amt Ccy="EUR">800.00</Amt>', "", "Amt"),
        (
            "<CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\n        <BookgDt><Dt>2024-10-01",
            "<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2024-10-01",
            "CdtDbtInd",
        ),
    ],
)
def test_an_entry_that_cannot_be_read_costs_itself_alone(old: str, new: str, field: str) -> None:
    found = read(CAMT_053.replace(old, new, 1))

    assert found.amounts == [Decimal("-29.90")]
    assert (found.bad[0].field, found.bad[0].line) == (field, 10)


@pytest.mark.parametrize("declaration", [BOMB, EXTERNAL])
def test_hostile_declarations_are_refused(declaration: str) -> None:
    head, tail = CAMT_053.split("?>", 1)

    with pytest.raises(StatementUnreadable, match=r"line \d+ declares a document type"):
        read(f"{head}?>{declaration}{tail}".replace("Miete Oktober", "&b;"))


def test_elements_nested_without_end_are_refused() -> None:
    with pytest.raises(StatementUnreadable, match="nested more than"):
        read("<a>" * 100_000)


def test_a_file_that_is_cut_off_is_refused() -> None:
    with pytest.raises(StatementUnreadable, match=r"cut off in line 18; download"):
        read(CAMT_053[: CAMT_053.index("Miete Oktober") + 5])


def test_broken_xml_is_refused_with_its_line() -> None:
    with pytest.raises(StatementUnreadable, match=r"line 16 is no well-formed XML"):
        read(CAMT_053.replace("</EndToEndId>", "</EndToEnd>", 1))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<?xml version='1.0'?><rss><channel/></rss>", "XML of another kind .*'rss'"),
        ("<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'/>", "camt.053.001.02 without a statement"),
        ("<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.03'/>", "XML of another kind"),
    ],
)
def test_other_xml_is_refused(text: str, told: str) -> None:
    with pytest.raises(StatementUnreadable, match=told):
        read(text)


def test_a_batch_of_many_payments_is_one_entry_and_little_memory() -> None:
    first = CAMT_053.index("<TxDtls>", CAMT_053.index("29.90"))
    payment = CAMT_053[first : CAMT_053.index("</TxDtls>", first) + 9]

    found = read(CAMT_053[:first] + payment * 20_000 + CAMT_053[first:])

    assert found.amounts == [Decimal("-800.00"), Decimal("-29.90")]
    assert found.entries[1].text == "20002 payments: Gas"


@pytest.mark.parametrize(
    ("inside", "told"),
    [("<A/>" * 100_001, "more than 100,000 elements"), ("<A>" + "a\n" * 2_100_000, "more than 4,000,000 characters")],
)
def test_an_entry_without_end_is_refused(inside: str, told: str) -> None:
    with pytest.raises(StatementUnreadable, match=told):
        read(f"<Document><Stmt><Ntry>{inside}")


def test_an_entry_in_a_currency_that_is_none_has_no_euros() -> None:
    found = read(CAMT_053.replace('Ccy="EUR"', 'Ccy="DEM"').replace("<Ccy>EUR</Ccy>", ""))

    assert (found.entries, found.balances) == ([], [])
    assert "'DEM' is no currency of ISO 4217" in [bad.reason for bad in found.bad]


def test_entries_without_a_currency_are_told() -> None:
    found = read(CAMT_053.replace(' Ccy="EUR"', "").replace("<Ccy>EUR</Ccy>", ""))

    assert {entry.account.currency for entry in found.entries} == {"EUR"}
    assert "entries name no currency" in found.format.notes[0]


def test_the_code_of_no_currency_is_none() -> None:
    found = read(CAMT_053.replace('Ccy="EUR"', 'Ccy="XXX"').replace("<Ccy>EUR</Ccy>", ""), currency="CHF")

    assert {entry.account.currency for entry in found.entries} == {"CHF"}
    assert [each.difference for each in found.balances] == [0]
