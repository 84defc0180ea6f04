from __future__ import annotations

from datetime import date
from decimal import Decimal

import mt940
import pytest

from tests.workers.finance.reading import read
from tests.workers.finance.samples import MT940
from workers.finance.entries import StatementUnreadable
from workers.finance.statement_balances import check_balances


def statement(*lines: str, closing: str = ":62F:C241031EUR100,00", account: str = "DE89370400440532013000") -> str:
    return "\r\n".join([":20:S", f":25:{account}", ":28C:1", ":60F:C241001EUR100,00", *lines, closing, "-", ""])


def test_german_numbered_parts_are_told_apart() -> None:
    rent, wages = read(MT940).entries[:2]

    assert (rent.booked_on, rent.amount, rent.text) == (
        date(2024, 10, 1),
        Decimal("-800.00"),
        "Miete Oktober 2024 Wohnung 7",
    )
    assert (rent.counterparty, rent.counterparty_account) == (
        "Hausverwaltung Sued und Partner",
        "DE02120300000000202051",
    )
    assert (rent.reference, rent.bank_category, rent.bank_id) == ("MIETE-2024-10", "SEPA-LASTSCHRIFT", "20241001-A001")
    assert (wages.amount, wages.text, wages.reference) == (Decimal(2500), "Gehalt 10/24", "20241031-A002")


def test_dutch_named_parts_are_told_apart() -> None:
    book, bakery = read(MT940).entries[2:]

    assert (book.counterparty, book.counterparty_account) == ("Boekhandel De Pier", "NL20INGB0001234567")
    assert (book.text, book.reference, book.bank_category) == ("Bestelling 77", "AB-77-2024", "iDEAL")
    assert (bakery.amount, bakery.text) == (Decimal("-1.00"), "BEA NR:XX12 03.10.24/09.15 BAKKER")


def test_several_accounts_and_their_balances_are_read() -> None:
    found = read(MT940)

    assert [(each.account.identity, each.opening, each.closing, each.amount) for each in found.balances] == [
        ("DE89370400440532013000", Decimal("1000.00"), Decimal("2700.00"), Decimal("1700.00")),
        ("NL91ABNA0417164300", Decimal("50.00"), Decimal("36.60"), Decimal("-13.40")),
    ]
    assert all(check_balances([each]).agrees for each in found.balances)


@pytest.mark.parametrize(
    ("written", "identity"),
    [
        ("37040044/0532013000", "DE89370400440532013000"),
        ("37040044/532013000", "DE89370400440532013000"),
        ("50880050/0194787400888", "50880050/0194787400888"),
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("NL91ABNA0417164300EUR", "NL91ABNA0417164300"),
        ("517852257", "517852257"),
        ("37040044/0532013000EUR", "DE89370400440532013000"),
        ("517852257PLN", "517852257"),
        ("//AT39364/12345678912/EUR", "AT39364/12345678912"),
        ("BILLLULLXXX/DE89370400440532013000", "DE89370400440532013000"),
        ("NL10BUNQ2290325473 EUR", "NL10BUNQ2290325473"),
    ],
)
def test_an_account_is_known_by_its_iban_where_it_can_be_told(written: str, identity: str) -> None:
    (entry,) = read(statement(":61:2410051005D5,00NTRFNONREF", account=written)).entries

    assert entry.account.identity == identity


def test_what_the_specification_allows_is_read_as_mt_940_reads_it() -> None:
    expected = [
        (
            booking.data["guessed_entry_date"] if "guessed_entry_date" in booking.data else booking.data["date"],
            booking.data["amount"].amount,
        )
        for booking in mt940.parse(MT940, options=mt940.Options(reversal_sign=True)).transactions
    ]

    found = read(MT940)

    assert [(entry.booked_on, entry.amount) for entry in found.entries] == expected


def test_a_long_reference_and_the_other_account_in_it_are_read() -> None:
    found = read(
        statement(
            ":61:2410051005D5,00NIDBNL20INGB0001234567",
            "jansen",
            ":86:NL20INGB0001234567 jansen",
            " " * 65,
            "Bijdrage".ljust(65),
        )
    )

    (entry,) = found.entries
    assert (entry.counterparty, entry.counterparty_account, entry.text) == ("jansen", "NL20INGB0001234567", "Bijdrage")
    assert entry.reference == ""


@pytest.mark.parametrize(
    ("line", "booked", "valued", "amount"),
    [
        (":61:2402300229D6,00NINTNONREF", date(2024, 2, 29), date(2024, 2, 29), Decimal("-6.00")),
        (":61:2412310102C7,5NTRFNONREF", date(2025, 1, 2), date(2024, 12, 31), Decimal("7.5")),
        (":61:2501021231CN0,01NTRFNONREF", date(2024, 12, 31), date(2025, 1, 2), Decimal("0.01")),
        (":61:241005RD3,NTRF", date(2024, 10, 5), date(2024, 10, 5), Decimal(3)),
        (":61:241005D000000000025,00N102EREF            ", date(2024, 10, 5), date(2024, 10, 5), Decimal("-25.00")),
        (":61:241005    C3.50NTRF", date(2024, 10, 5), date(2024, 10, 5), Decimal("3.50")),
    ],
)
def test_dates_and_amounts_as_banks_write_them(line: str, booked: date, valued: date, amount: Decimal) -> None:
    (entry,) = read(statement(line)).entries

    assert (entry.booked_on, entry.valued_on, entry.amount) == (booked, valued, amount)


def test_a_line_that_cannot_be_read_costs_itself_alone() -> None:
    found = read(
        statement(
            ":61:2410051005D5,00NTRFNONREF",
            ":61:2413051005D5,00NTRFNONREF",
            ":61:2410051005D1,2,3NTRFNONREF",
            ":61:yesterday",
            ":61:2410051005ED5,00NTRFNONREF",
        )
    )

    assert len(found.entries) == 1
    assert [(bad.line, bad.field) for bad in found.bad] == [(6, "date"), (7, "amount"), (8, "61"), (9, "61")]


def test_swift_blocks_headers_and_binary_characters_do_no_harm() -> None:
    text = "ABNANL2A\n940\nABNANL2A\n" + statement(":61:2410051005D5,00NTRFNONREF", ":86:Caf\u00e9\x01 Nord").replace(
        "\r\n", "\n"
    )
    swift = (
        "{1:F01BANKDEFFXXXX0000000000}{2:O940BANKDEFFXXXXN}{3:}{4:\n"
        + text.split("ABNANL2A\n")[-1].rstrip("-\n")
        + "\n-}{5:}"
    )

    for sample in ("\x01\n" + text, swift):
        assert [entry.text for entry in read(sample.encode("cp1252")).entries] == ["Caf\u00e9 Nord"]


def test_the_text_behind_the_closing_balance_belongs_to_no_line() -> None:
    text = statement(":61:2410051005D5,00NTRFNONREF", ":86:Bread").replace("-\r\n", ":86:D000001C000000D5,00\r\n-\r\n")

    assert [entry.text for entry in read(text).entries] == ["Bread"]


def test_a_statement_without_lines_still_tells_its_balance() -> None:
    found = read(statement())

    assert found.entries == []
    assert [(each.opening, each.closing, each.lines) for each in found.balances] == [
        (Decimal("100.00"), Decimal("100.00"), 0)
    ]


def test_a_file_that_is_cut_off_is_refused() -> None:
    text = statement(":61:2410051005D5,00NTRFNONREF", ":86:Bread and milk")

    with pytest.raises(StatementUnreadable, match=r"62F: the file is cut off: line 6 .*download"):
        read(text[: text.index("milk")])


def test_a_file_without_statement_lines_is_refused() -> None:
    with pytest.raises(StatementUnreadable, match="no statement line"):
        read(":20:S\n:28C:1\n")


def test_a_gap_between_two_statements_is_found() -> None:
    found = read(
        statement()
        + statement().replace("C241001EUR100,00", "C241001EUR90,00").replace("C241031EUR100,00", "C241031EUR90,00")
    )

    check = check_balances(found.balances)

    assert (check.agrees, check.difference, check.gap) == (False, Decimal(0), Decimal("-10.00"))


@pytest.mark.parametrize("told", [":34F:PLND0,", ":34F:PLN0", ""])
def test_an_interim_report_tells_its_currency_without_a_balance(told: str) -> None:
    found = read(
        f":20:S\r\n:25:517852257\r\n{told}\r\n:61:2410051005C0,01NTRFNONREF//A1234567\r\n:90D:0PLN0,\r\n:90C:1PLN0,01\r\n-\r\n"
    )

    assert [(entry.amount, entry.account.currency) for entry in found.entries] == [(Decimal("0.01"), "PLN")]
    assert found.format.notes == []


def test_a_currency_that_is_none_is_no_euro() -> None:
    found = read(statement(":61:2410051005D5,00NTRFNONREF").replace("EUR", "DEM"))
    untold = read(":20:S\r\n:25:517852257\r\n:61:2410051005C0,01NTRFNONREF\r\n-\r\n")

    assert (found.entries, found.bad[0].field, found.balances) == ([], "currency", [])
    assert "names no currency, so EUR was taken" in untold.format.notes[0]


def test_a_line_with_nothing_but_a_dash_ends_no_statement() -> None:
    found = read(statement(":61:2410051005D5,00NTRFNONREF", ":86:a", "-", ":61:2410061006C5,00NTRFNONREF", ":86:b"))

    assert {entry.account.identity for entry in found.entries} == {"DE89370400440532013000"}
    assert [each.difference for each in found.balances] == [Decimal("0.00")]


def test_a_statement_without_a_field_20_is_of_its_own_account() -> None:
    second = ":25:517852257\r\n:60F:C241001EUR1,00\r\n:61:2410051005C5,00NTRFNONREF\r\n:62F:C241031EUR6,00\r\n"
    found = read(statement(":61:2410051005D5,00NTRFNONREF", closing=":62F:C241031EUR95,00\r\n" + second))

    assert [entry.account.identity for entry in found.entries] == ["DE89370400440532013000", "517852257"]
    assert [each.difference for each in found.balances] == [0, 0]


def test_a_statement_line_that_was_broken_in_two_is_read() -> None:
    (entry,) = read(statement(":61:2410051005CR", "30,00N062NONREF", ":86:a")).entries

    assert (entry.amount, entry.text) == (Decimal("30.00"), "a")


def test_named_parts_without_a_text_are_told_by_the_name() -> None:
    (entry,) = read(
        statement(":61:2410051005D5,00N102EREF", ":86:/EREF/01-01-2013 0030000987654321/BENM//NAME/J. DOE")
    ).entries

    assert (entry.text, entry.counterparty, entry.reference) == ("J. DOE", "J. DOE", "01-01-2013 0030000987654321")


def test_a_statement_line_without_a_type_is_read() -> None:
    (entry,) = read(statement(":61:2410051005DN43000,00//19239810200", ":86:WAGES")).entries

    assert (entry.amount, entry.text, entry.bank_id) == (Decimal("-43000.00"), "WAGES", "19239810200")
