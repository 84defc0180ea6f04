from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import pytest
from ofxtools.Parser import OFXTree

from tests.workers.finance.reading import read
from tests.workers.finance.samples import OFX_1, OFX_2
from workers.finance.entries import StatementUnreadable


def with_bookings(*bookings: str, currency: str = "EUR") -> str:
    """Return an OFX file without a header and with unclosed elements, as many banks write it."""
    inside = "".join(f"<STMTTRN>{booking}</STMTTRN>" for booking in bookings)
    return (
        f"<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>{currency}<BANKACCTFROM><BANKID>1<ACCTID>22</BANKACCTFROM>"
        f"<BANKTRANLIST>{inside}</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    )


def test_sgml_with_unclosed_elements_is_read() -> None:
    found = read(OFX_1)

    assert found.format.name == "OFX 1"
    diner, garage, payroll = found.entries
    assert (diner.booked_on, diner.amount, diner.text, diner.counterparty) == (
        date(2024, 10, 2),
        Decimal("-12.40"),
        "LUNCH & TEA",
        "JOE'S DINER",
    )
    assert (garage.reference, garage.bank_category, garage.bank_id) == ("319", "CHECK", "2024100400018")
    assert (payroll.amount, payroll.counterparty_account, payroll.line) == (Decimal(2500), "777", 18)
    assert {(entry.account.identity, entry.account.currency) for entry in found.entries} == {
        ("021000021/000123456", "USD")
    }


def test_xml_with_several_accounts_and_a_card_is_read() -> None:
    found = read(OFX_2)

    assert found.format.name == "OFX 2"
    assert [(entry.account.identity, entry.account.currency, entry.amount) for entry in found.entries] == [
        ("DE89370400440532013000", "EUR", Decimal("-800.00")),
        ("CH9300762011623852957", "CHF", Decimal("1.05")),
        ("4111XXXXXXXX1111", "EUR", Decimal("-49.90")),
    ]
    assert found.entries[0].text == "Miete <Oktober>"
    assert [(each.opening, each.closing, each.lines) for each in found.balances] == [
        (None, Decimal("1200.00"), 1),
        (None, Decimal("501.05"), 1),
        (None, Decimal("-49.90"), 1),
    ]


@pytest.mark.parametrize("sample", [OFX_1, OFX_2])
def test_what_the_specification_allows_is_read_as_ofxtools_reads_it(sample: str) -> None:
    tree = OFXTree()
    tree.parse(io.BytesIO(sample.encode()))
    expected = [
        (booking.dtposted.date(), booking.trnamt, booking.fitid)
        for statement in tree.convert().statements
        for booking in statement.banktranlist
    ]

    found = read(sample)

    assert [(entry.booked_on, entry.amount, entry.bank_id) for entry in found.entries] == expected


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_the_encoding_is_that_of_the_bytes_whatever_the_header_says(encoding: str) -> None:
    found = read(OFX_1.replace("CITY GARAGE", "CAFÉ ZÜRICH").encode(encoding))

    assert found.entries[1].counterparty == "CAFÉ ZÜRICH"
    assert not found.format.notes


def test_a_declared_code_page_is_believed_before_a_guess() -> None:
    text = OFX_2.replace("Hausverwaltung Süd", "Žluťoučký kůň").replace("UTF-8", "ISO-8859-2", 1)

    found = read(text.encode("iso-8859-2"))

    assert found.entries[0].counterparty == "Žluťoučký kůň"


def test_missing_optional_elements_cost_nothing() -> None:
    found = read(with_bookings("<TRNTYPE>DEBIT<DTPOSTED>20241001<TRNAMT>-5"))

    (entry,) = found.entries
    assert (entry.text, entry.counterparty, entry.reference, entry.bank_id) == ("DEBIT", "", "", "")
    assert found.balances == []


def test_a_booking_that_cannot_be_read_costs_itself_alone() -> None:
    found = read(
        with_bookings(
            "<DTPOSTED>20241001<TRNAMT>-5<NAME>Good",
            "<DTPOSTED>20241301<TRNAMT>-5",
            "<DTPOSTED>20241002<TRNAMT>five",
            "<TRNAMT>-5",
        )
    )

    assert [entry.text for entry in found.entries] == ["Good"]
    assert [(bad.field, bad.reason) for bad in found.bad] == [
        ("DTPOSTED", "'20241301' is no day of the calendar"),
        ("TRNAMT", "'five' is no amount"),
        ("DTPOSTED", "is empty"),
    ]


def test_bookings_without_end_tags_are_told_apart() -> None:
    text = with_bookings("<DTPOSTED>20241001<TRNAMT>-5<NAME>One", "<DTPOSTED>20241002<TRNAMT>-6<NAME>Two")

    found = read(text.replace("</STMTTRN>", ""))

    assert [(entry.text, entry.amount) for entry in found.entries] == [("One", Decimal(-5)), ("Two", Decimal(-6))]


def test_decimal_commas_are_told_over_the_whole_file() -> None:
    found = read(with_bookings("<DTPOSTED>20241001<TRNAMT>-1.234,5", "<DTPOSTED>20241002<TRNAMT>1.000"))

    assert found.amounts == [Decimal("-1234.5"), Decimal(1000)]


def test_an_amount_in_another_currency_is_converted_at_the_banks_rate() -> None:
    found = read(
        with_bookings(
            "<DTPOSTED>20241001<TRNAMT>-10.00<CURRENCY><CURRATE>0.9150<CURSYM>USD</CURRENCY>",
            "<DTPOSTED>20241001<TRNAMT>-9.15<ORIGCURRENCY><CURRATE>0.9150<CURSYM>USD</ORIGCURRENCY>",
        )
    )

    assert found.amounts == [Decimal("-9.15"), Decimal("-9.15")]


def test_a_file_without_a_currency_says_what_was_taken() -> None:
    found = read(with_bookings("<DTPOSTED>20241001<TRNAMT>-5", currency=""), currency="SEK")
    other = read(with_bookings("<DTPOSTED>20241001<TRNAMT>-5", currency=""))

    assert (found.entries[0].account.currency, found.format.notes) == ("SEK", [])
    assert other.entries[0].account.currency == "EUR"
    assert "pass currency" in other.format.notes[0]


def test_a_file_that_is_cut_off_is_refused() -> None:
    with pytest.raises(StatementUnreadable, match=r"cut off: line 17 .* download the statement again"):
        read(OFX_1[: OFX_1.index("CITY GARAGE") + 4])


def test_a_refusal_of_the_bank_is_told() -> None:
    text = "<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>15500<SEVERITY>ERROR<MESSAGE>Wrong password</STATUS></SONRS></SIGNONMSGSRSV1></OFX>"

    with pytest.raises(StatementUnreadable, match=r"no statement of an account .*Wrong password"):
        read(text)


def test_an_entity_bomb_is_refused_and_unknown_entities_stay_text() -> None:
    bomb = OFX_2.replace("<OFX>", '<!DOCTYPE lolz [<!ENTITY lol "lol">]><OFX>')

    with pytest.raises(StatementUnreadable, match="document type"):
        read(bomb)
    assert read(with_bookings("<DTPOSTED>20241001<TRNAMT>1<NAME>A&lol;B &#66; R&D")).entries[0].text == "A&lol;B B R&D"


def test_a_given_account_is_refused_for_several() -> None:
    with pytest.raises(StatementUnreadable, match=r"account: .*leave the argument out"):
        read(OFX_2, account="Household")


def test_a_given_account_stands_for_the_banks_number() -> None:
    found = read(OFX_1, account="DE89 3704 0044 0532 0130 00")

    assert {entry.account.identity for entry in found.entries} == {"DE89370400440532013000"}


def test_a_file_in_one_line_and_in_many_pieces_is_read() -> None:
    bookings = [
        f"<TRNTYPE>DEBIT<DTPOSTED>20241001<TRNAMT>-{n}.00<FITID>F{n:09}<NAME>Shop {n} &amp; Co<MEMO>x < y"
        for n in range(1, 8001)
    ]

    found = read(with_bookings(*bookings))

    assert len(found.entries) == 8000
    assert sum(found.amounts) == -Decimal(8000 * 8001 // 2)
    assert {entry.text for entry in found.entries} == {"x < y"}


@pytest.mark.parametrize(
    "inside", ["<" * 1_100_000, "<!--" * 500_000, "<NAME>" + "x" * 2_000_000, "<![CDATA[" * 200_000]
)
def test_a_value_without_end_is_refused(inside: str) -> None:
    with pytest.raises(StatementUnreadable, match="value of more than a megabyte"):
        read("<OFX><STMTRS><STMTTRN>" + inside)


def test_amounts_of_which_none_has_a_minus_take_it_from_their_type() -> None:
    found = read(
        with_bookings(
            "<TRNTYPE>DEBIT<DTPOSTED>20241001<TRNAMT>12.34", "<TRNTYPE>CREDIT<DTPOSTED>20241002<TRNAMT>100.00"
        )
    )

    assert found.amounts == [Decimal("-12.34"), Decimal("100.00")]
    assert found.format.notes == ["TRNAMT: no amount has a minus, so TRNTYPE tells what went out"]


def test_a_type_does_not_overrule_a_sign() -> None:
    found = read(
        with_bookings(
            "<TRNTYPE>DEBIT<DTPOSTED>20241001<TRNAMT>12.34", "<TRNTYPE>DEBIT<DTPOSTED>20241002<TRNAMT>-100.00"
        )
    )

    assert found.amounts == [Decimal("12.34"), Decimal("-100.00")]


def test_three_decimals_are_no_thousands() -> None:
    assert read(with_bookings("<DTPOSTED>20241001<TRNAMT>-1.500")).amounts == [Decimal("-1.5")]


def test_a_statement_in_a_currency_that_is_none_has_no_euros() -> None:
    found = read(with_bookings("<DTPOSTED>20241001<TRNAMT>-1.50").replace("<CURDEF>EUR", "<CURDEF>XYZ"))

    assert (found.entries, found.bad[0].field, found.balances) == ([], "CURDEF", [])


def test_a_point_and_a_comma_may_both_mark_decimals_in_one_file() -> None:
    found = read(with_bookings("<DTPOSTED>20241001<TRNAMT>-12.80", "<DTPOSTED>20241002<TRNAMT>  -200,00"))

    assert found.amounts == [Decimal("-12.80"), Decimal("-200.00")]


def test_signs_that_all_speak_against_their_types_are_turned() -> None:
    found = read(
        with_bookings(
            "<TRNTYPE>DEBIT<DTPOSTED>20241001<TRNAMT>12.34", "<TRNTYPE>CREDIT<DTPOSTED>20241002<TRNAMT>-100.00"
        )
    )

    assert found.amounts == [Decimal("-12.34"), Decimal("100.00")]
    assert "turned round" in found.format.notes[0]


def test_a_file_that_names_no_account_is_told() -> None:
    found = read(with_bookings("<DTPOSTED>20241001<TRNAMT>-1.50").replace("<ACCTID>22", ""))

    assert "names no account; pass account" in found.format.notes[0]
