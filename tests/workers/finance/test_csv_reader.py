from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest

from tests.workers.finance.dialects import BOOKINGS, STATEMENTS
from workers.finance.csv_format import CsvFormat
from workers.finance.csv_mapping import read_mapping
from workers.finance.csv_reader import CsvReader
from workers.finance.entries import BadLine, Entry, StatementUnreadable

HEAD = "Date;Text;Amount;Currency\n"


class Read:
    def __init__(self, data: bytes | str, **options: Any) -> None:
        self.reader = CsvReader(io.BytesIO(data if isinstance(data, bytes) else data.encode()), **options)
        for _ in self.reader.scan():
            pass
        for _ in self.reader.detect():
            pass
        found = list(self.reader.lines())
        self.entries = [item for item in found if isinstance(item, Entry)]
        self.bad = [item for item in found if isinstance(item, BadLine)]

    @property
    def format(self) -> CsvFormat:
        assert self.reader.format is not None
        return self.reader.format


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_same_bookings_are_read_from_every_dialect(name: str) -> None:
    read = Read(STATEMENTS[name])

    assert read.bad == []
    assert sorted((e.booked_on, e.amount, e.account.currency) for e in read.entries) == BOOKINGS
    assert read.format.notes == []


def test_accounts_are_found_in_columns_above_the_header_or_by_layout() -> None:
    def identities(name: str) -> set[str]:
        return {entry.account.identity for entry in Read(STATEMENTS[name]).entries}

    assert identities("german_savings_bank") == {"DE89370400440532013000"}
    assert identities("german_direct_bank_with_preamble") == {"DE89370400440532013000"}
    assert identities("french_debit_credit") == {"FR1420041010050500013M02606"}
    assert identities("swiss_utf16_tabs") == {"CH9300762011623852957"}
    (unnamed,) = identities("italian")
    assert unnamed.startswith("layout:") and unnamed not in identities("spanish")


def test_texts_parties_and_balances_come_along() -> None:
    first = Read(STATEMENTS["german_savings_bank"]).entries[0]
    assert (first.text, first.counterparty, first.line) == ("KARTENZAHLUNG Brot", "Bäckerei", 2)

    british = Read(STATEMENTS["british_two_columns"]).entries[1]
    assert (british.text, british.balance) == ("SALARY", Decimal("3345.67"))


def test_several_accounts_and_currencies_in_one_file_are_kept_apart() -> None:
    read = Read(
        "Date,Account,Amount,Currency\n2024-01-01,A-1,1.00,EUR\n2024-01-01,A-1,2.00,usd\n2024-01-01,B 2,3.00,EUR\n"
    )

    assert [(e.account.identity, e.account.currency) for e in read.entries] == [
        ("A-1", "EUR"),
        ("A-1", "USD"),
        ("B 2", "EUR"),
    ]


def test_a_bad_line_is_skipped_with_line_field_and_reason_and_the_rest_is_read() -> None:
    read = Read(
        HEAD
        + "2024-01-01;good;1.00;EUR\n"
        + "soon;no date;1.00;EUR\n"
        + "2024-02-30;no day;1.00;EUR\n"
        + "2024-01-04;no amount;;EUR\n"
        + "2024-01-05;words;a lot;EUR\n"
        + "2024-01-06;no currency;1.00;XYZ\n"
        + "2024-01-07;too many;1.00;EUR;more\n"
        + "2024-01-08;cut\n"
        + '2024-01-09;"open;1.00;EUR\n'
        + "2024-01-10;good;2.00;EUR\n"
    )

    assert [entry.line for entry in read.entries] == [2, 11]
    assert [(bad.line, bad.field) for bad in read.bad] == [
        (3, "date"),
        (4, "date"),
        (5, "amount"),
        (6, "amount"),
        (7, "currency"),
        (8, "columns"),
        (9, "columns"),
        (10, "columns"),
    ]
    assert "2 values for 4 columns" in read.bad[6].reason
    assert "is no day of the calendar" in read.bad[1].reason


def test_a_line_that_is_not_booked_is_skipped() -> None:
    read = Read("Date,Amount,Currency,State\n2024-01-01,1.00,EUR,COMPLETED\n2024-01-02,2.00,EUR,PENDING\n")

    assert [entry.amount for entry in read.entries] == [Decimal("1.00")]
    assert read.bad == [BadLine(3, "status", "'PENDING' is not booked")]


def test_blank_lines_repeated_headers_and_footers_are_left_out() -> None:
    read = Read(
        HEAD + "\n2024-01-01;a;1.00;EUR\n;;;\n" + HEAD + "2024-01-02;b;2.00;EUR\n\nTotal;3.00\nEnd of statement\n"
    )

    assert [entry.line for entry in read.entries] == [3, 6]
    assert read.bad == []
    assert read.reader.footer_lines == 2


def test_a_footer_in_the_middle_is_no_footer() -> None:
    read = Read(HEAD + "2024-01-01;a;1.00;EUR\nTotal;1.00\n2024-01-02;b;2.00;EUR\n")

    assert [bad.line for bad in read.bad] == [3]


def test_a_file_cut_off_in_an_amount_does_not_give_a_wrong_one() -> None:
    read = Read(HEAD + "2024-01-01;a;1.00;EUR\n2024-01-02;b;123")

    assert [entry.amount for entry in read.entries] == [Decimal("1.00")]
    assert [bad.line for bad in read.bad] == [3]


def test_reversals_in_a_column_of_debits_add_money() -> None:
    read = Read(
        "Date;Debit;Credit;Currency\n2024-01-01;5.00;;EUR\n2024-01-02;-5.00;;EUR\n2024-01-03;;7.00;EUR\n2024-01-04;1.00;1.00;EUR\n"
    )

    assert [entry.amount for entry in read.entries] == [Decimal("-5.00"), Decimal("5.00"), Decimal("7.00")]
    assert [bad.reason for bad in read.bad] == ["debit and credit both have a value"]


def test_what_was_guessed_is_said() -> None:
    read = Read("Date;Amount\n01/02/2024;1.00\n")

    assert [note.split(":")[0] for note in read.format.notes] == ["date", "currency"]
    assert read.entries[0].account.currency == "EUR"


def test_what_the_caller_knows_is_believed() -> None:
    read = Read(
        "Date;Amount\n01/02/2024;1.00\n", account="DE89 3704 0044 0532 0130 00", currency="CHF", date_order="mdy"
    )

    assert read.entries[0].booked_on.month == 1
    assert (read.entries[0].account.identity, read.entries[0].account.currency) == ("DE89370400440532013000", "CHF")
    assert read.format.notes == []


@pytest.mark.parametrize(
    ("options", "field"), [({"currency": "euro"}, "currency"), ({"date_order": "american"}, "date_order")]
)
def test_a_wrong_argument_is_named(options: dict[str, str], field: str) -> None:
    with pytest.raises(StatementUnreadable) as error:
        Read("Date;Amount\n2024-01-01;1\n", **options)

    assert error.value.field == field


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ("hello\nworld\n", "columns"),
        ("Name,Phone\nJohn,555\n", "columns"),
        ("Date;Text\n2024-01-01;a\n", "columns"),
        ("1;2;3\n4;5;6\n", "columns"),
    ],
)
def test_a_text_without_a_header_is_refused_with_an_example(data: str, field: str) -> None:
    with pytest.raises(StatementUnreadable, match="Date;Amount;Description") as error:
        Read(data)

    assert error.value.field == field


def test_a_header_without_bookings_is_a_statement_of_none() -> None:
    assert Read(HEAD).entries == []


def test_hostile_texts_are_texts() -> None:
    texts = [
        "=cmd|' /C calc'!A0",
        "<script>alert(1)</script>",
        "'; DROP TABLE transactions; --",
        "a\x00b",
        "\u202egnp.exe",
        "😀" * 3000,
    ]
    read = Read(HEAD + "".join(f'2024-01-{n:02d};"{text}";1.00;EUR\n' for n, text in enumerate(texts, 1)))

    assert [entry.text for entry in read.entries][:3] == texts[:3]
    assert read.entries[3].text == "ab"
    assert len(read.entries[5].text) <= 2000


SHOP_AND_PAY = [Decimal("-10.00"), Decimal("1000.00")]

SIGNS = {
    "side_in_an_unknown_column": 'No,Date,Text,Amount,Dr / Cr,Balance,Dr / Cr\n1,13/01/2024,a,10.00,DR,90.00,CR\n2,15/01/2024,b,"1,000.00",CR,1090.00,CR\n',
    "side_without_a_name": 'Date,Text,Amount,\n13-Jan-2024,a,£10.00,\n15-Jan-2024,b,"+ £1,000.00",CR\n',
    "side_behind_the_last_name": "Date,Text,Amount\n13-Jan-2024,a,10.00,DR\n15-Jan-2024,b,1000.00,CR\n",
    "only_credits_marked": 'Date,Text,Amount\n13/01/2024,a,10.00\n15/01/2024,b,"1,000.00 CR"\n',
    "only_credits_marked_behind_a_currency": 'Date,Text,Amount\n13/01/2024,a,10.00 EUR\n15/01/2024,b,"1,000.00 EUR CR"\n',
    "only_debits_marked": 'Date,Text,Amount\n13/01/2024,a,10.00 DR\n15/01/2024,b,"1,000.00"\n',
    "card_with_payments_negative": "Date,Description,Amount\n01/13/2024,SHOP,10.00\n01/15/2024,PAYMENT RECEIVED - THANK YOU,-1000.00\n",
    "balances_move_the_other_way": "Date,Text,Amount,Balance\n12/01/2024,z,0.00,600.00\n13/01/2024,a,10.00,590.00\n15/01/2024,b,-1000.00,1590.00\n",
    "card_whose_credits_are_negative": "Date,Text,Debit,Credit\n01/13/2024,a,10.00,\n01/15/2024,b,,-1000.00\n",
    "card_whose_words_speak_against_the_minus": "Date,Text,Amount,Debit/Credit\n13.01.2024,a,10.00,Debit\n15.01.2024,b,-1000.00,Credit\n",
    "amounts_in_the_column_of_sides": "Buchungstag;Soll/Haben;Text\n13.01.2024;-10,00;a\n15.01.2024;1.000,00;b\n",
    "amount_or_debit_and_credit": "Buchungstag;Betrag;Soll;Haben\n13.01.2024;;-10,00;\n15.01.2024;;;1.000,00\n",
}


@pytest.mark.parametrize("name", SIGNS)
def test_which_way_the_money_went_is_found_without_a_minus(name: str) -> None:
    read = Read(SIGNS[name], currency="EUR")

    assert [entry.amount for entry in read.entries if entry.amount] == SHOP_AND_PAY
    assert read.bad == []


def test_balances_tell_the_sign_of_amounts_that_have_none() -> None:
    up = Read(
        "Date,Text,Amount,Balance\n13/01/2024,a,10,590\n14/01/2024,b,500,90\n15/01/2024,c,1000,1090\n16/01/2024,d,100,1190\n17/01/2024,e,90,1100\n18/01/2024,f,7,90\n"
    )
    down = Read("Date,Text,Amount,Balance\n15/01/2024,c,1000,1090\n14/01/2024,b,500,90\n13/01/2024,a,10,590\n")

    assert [entry.amount for entry in up.entries] == [Decimal(-500), Decimal(1000), Decimal(100), Decimal(-90)]
    assert [(bad.line, bad.reason) for bad in up.bad] == [
        (2, "has no sign, and no balance before it tells one"),
        (7, "has no sign, and the balance moves by -1010 instead"),
    ]
    assert [entry.amount for entry in down.entries] == [Decimal(1000), Decimal(-500)]


def test_amounts_that_all_have_no_minus_are_told_and_a_mapping_turns_them() -> None:
    data = "Date;Text;Amount;Currency\n2024-01-13;Shop;10;EUR\n2024-01-14;Shop;7;EUR\n"
    mapping = {"columns": {"date": "Date", "amount": "Amount", "text": "Text"}, "currency": "EUR", "inverted": True}

    assert "all were taken as money that came in" in Read(data).format.notes[0]
    assert [entry.amount for entry in Read(data, mapping=read_mapping(mapping)).entries] == [Decimal(-10), Decimal(-7)]


def test_lines_that_tell_a_balance_are_no_bookings() -> None:
    read = Read(
        HEAD
        + "2024-01-01;Opening balance as of 2024-01-01;5.00;EUR\n2024-01-02;Balance bike;-1.00;EUR\n2024-01-02;Endsaldo;4;EUR\n"
    )

    assert [entry.text for entry in read.entries] == ["Balance bike"]
    assert [bad.field for bad in read.bad] == ["status", "status"]


def test_a_text_that_goes_on_in_lines_of_its_own_is_put_together() -> None:
    read = Read(HEAD + ";lost;;\n2024-01-01;SHOP;1.00;EUR\n;CARD 12;;\n;BERLIN\n2024-01-02;b;2.00;EUR\n")

    assert [entry.text for entry in read.entries] == ["SHOP CARD 12 BERLIN", "b"]
    assert [bad.line for bad in read.bad] == [2]


def test_three_decimals_or_thousands_are_not_guessed() -> None:
    with pytest.raises(StatementUnreadable, match=r'may be 1230 or 1\.23; pass a mapping that says "decimal"'):
        Read("Date,Text,Amount,Currency\n2024-03-01,a,29.000,CHF\n2024-03-02,b,-80.000,CHF\n")


@pytest.mark.parametrize(
    ("header", "row", "identity"),
    [
        ("Datum;Empfänger;Kontonummer;Betrag", "13.01.2024;Shop;12345;-1,00", "layout:"),
        ("Date;Payee;Account number;Amount", "13.01.2024;Shop;12345;-1,00", "layout:"),
        ("Buchungstag;Zahlungsempfänger;Text;IBAN;Betrag", "13.01.2024;Shop;x;DE89370400440532013000;-1,00", "layout:"),
        ("Kontonummer;Buchungstag;Empfänger;Betrag", "12345;13.01.2024;Shop;-1,00", "12345"),
        ("Date;Merchant;Category;Account;Amount", "13.01.2024;Shop;Food;12345;-1,00", "12345"),
        ("Date;Sort Code;Account Number;Amount", "13.01.2024;30-00-00;12345;-1,00", "12345"),
        (
            "Buchungstag;Betrag;IBAN Auftraggeberkonto",
            "13.01.2024;-1,00;DE89370400440532013000",
            "DE89370400440532013000",
        ),
    ],
)
def test_the_other_partys_account_is_not_taken_for_the_own_one(header: str, row: str, identity: str) -> None:
    (entry,) = Read(f"{header}\n{row}\n").entries

    assert entry.account.identity.startswith(identity)


def test_the_owners_name_is_no_counterparty_beside_a_column_of_that() -> None:
    (entry,) = Read("Naam;Datum;Bedrag;Naam tegenpartij\nJ. Smith;28/02/2018;-3,40;Winkel\n").entries

    assert entry.counterparty == "Winkel"


def test_a_fee_that_a_layout_tells_apart_is_booked_with_its_amount() -> None:
    read = Read(
        "Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance\n"
        "ATM,Current,2024-01-01 10:00:00,2024-01-02 03:04:05,Cash,-100.00,2.00,EUR,COMPLETED,898.00\n"
    )

    assert [entry.amount for entry in read.entries] == [Decimal("-102.00")]


def test_a_current_account_that_pays_a_card_is_no_card() -> None:
    read = Read(
        "Date,Description,Amount,Currency\n01/13/2024,SHOP,-10.00,USD\n01/14/2024,SHOP,-7.00,USD\n"
        "01/15/2024,CARD PAYMENT THANK YOU,-100.00,USD\n01/16/2024,WAGES,900.00,USD\n"
    )

    assert [entry.amount for entry in read.entries] == [Decimal("-10"), Decimal("-7"), Decimal("-100"), Decimal("900")]


def test_accounts_one_after_the_other_are_kept_apart() -> None:
    data = (
        "Konto;DE89370400440532013000\nWährung;EUR\n\nDatum;Text;Betrag\n13.01.2024;a;-1,00\n14.01.2024;b;2,00\n\n"
        "Konto;DE02120300000000202051\nWährung;CHF\n\nDatum;Text;Betrag\n13.01.2024;c;-3,00\nSumme;;4\n"
    )

    read = Read(data)

    assert [(e.text, e.account.identity, e.account.currency) for e in read.entries] == [
        ("a", "DE89370400440532013000", "EUR"),
        ("b", "DE89370400440532013000", "EUR"),
        ("c", "DE02120300000000202051", "CHF"),
    ]
    assert read.bad == []
    with pytest.raises(StatementUnreadable, match="several accounts"):
        Read(data, account="Till")


def test_a_line_of_nothing_but_a_fee_is_booked() -> None:
    read = Read(
        "Nr,Posting Date,Description,Money In,Money Out,Fee,Balance\n1,2024-11-01,Cash,,-500.00,-10.00,490.00\n"
        "2,2024-11-02,Monthly fee,,,-7.50,482.50\n3,2024-11-03,Pay,100.00,,,582.50\n",
        currency="ZAR",
    )

    assert [entry.amount for entry in read.entries] == [Decimal("-510"), Decimal("-7.5"), Decimal("100")]


def test_an_account_and_a_currency_are_read_however_they_are_dressed() -> None:
    read = Read(
        "Date,Text,Amount,Currency,Account Number\n13/01/2024,a,-1.00,€,'600000-12345678\n14/01/2024,b,-1.00,Euro,'600000-12345678\n"
    )

    assert {(e.account.identity, e.account.currency) for e in read.entries} == {("600000-12345678", "EUR")}


def test_a_dash_in_one_of_two_columns_is_nothing() -> None:
    read = Read("Date,Text,Debit,Credit\n13/01/2024,a,-,20.00\n14/01/2024,b,10.00,nil\n")

    assert [entry.amount for entry in read.entries] == [Decimal("20.00"), Decimal("-10.00")]


def test_a_currency_in_the_name_of_the_amounts_is_theirs() -> None:
    read = Read("Date;Amount EUR;Amount;Currency\n2024-01-13;-9.00;-10.00;USD\n")

    assert [(entry.amount, entry.account.currency) for entry in read.entries] == [(Decimal("-9.00"), "EUR")]


def test_cells_that_are_kept_from_a_spreadsheet_are_read() -> None:
    read = Read('Txn Date,Cheque No.,Description,Debit,Credit\n="27 Mar 2024",=" ","a=""b""",,="150.00"\n')

    assert [(entry.text, entry.amount) for entry in read.entries] == [('a="b"', Decimal("150.00"))]


def test_words_that_are_also_currencies_are_words() -> None:
    read = Read("ALL transactions of your TOP account\nDate;Text;Amount\n2024-01-13;a;-1.00\n")

    assert read.entries[0].account.currency == "EUR"


@pytest.mark.parametrize(
    ("encoding", "header", "row"),
    [
        ("cp932", "取引日,入出金(円),取引後残高(円),入出金内容", "20240113,-1000,99000,ショップ"),
        ("gb18030", "交易日期,交易金额,币种,交易摘要", "2024年1月13日,-10.00,CNY,超市"),
        ("cp1254", "Tarih;Açıklama;Tutar", "13.01.2024;Alışveriş;-10,00"),
        ("cp1250", "Datum zaúčtování;Zaúčtovaná částka;Měna účtu;Zpráva", "13.01.2024;-10,00;CZK;Nájem"),
        ("cp1251", "Дата операции;Описание;Сумма;Валюта", "13 января 2024;Магазин;-10,00;RUR"),
        ("cp1255", "תאריך,תיאור,סכום", "13/01/2024,סופר,-10.00"),
        ("mac_roman", "Datum;Empfänger;Betrag", "13.01.2024;Müller;-10,00"),
    ],
)
def test_the_names_of_the_columns_tell_the_code_page(encoding: str, header: str, row: str) -> None:
    (entry,) = Read(f"{header}\n{row}\n".encode(encoding)).entries

    assert (entry.booked_on.isoformat(), entry.amount < 0) == ("2024-01-13", True)
    assert f"{entry.text}{entry.counterparty}" in row


@pytest.mark.parametrize(
    ("encoding", "payee"),
    [("cp932", "カフェ・レネ"), ("euc_jp", "カフェ・レネ"), ("euc_kr", "카페 르네"), ("cp1252", "ÄRZTE ÜBER Æ")],
)
def test_texts_of_two_bytes_a_character_are_told_by_themselves(encoding: str, payee: str) -> None:
    (entry,) = Read(f"Date,Payee,Amount\n2024-01-13,{payee},-10.00\n".encode(encoding)).entries

    assert entry.counterparty == payee


def test_nuls_between_and_behind_the_lines_are_nothing() -> None:
    read = Read(b"Date;Text;Amount\n2024-01-13;a\x00b;-1.00\n" + b"\x00" * 5000)

    assert [(entry.text, entry.amount) for entry in read.entries] == [("ab", Decimal("-1.00"))]


def test_the_amount_in_the_accounts_currency_is_taken() -> None:
    (entry,) = Read(
        "Дата операции;Дата обработки;Сумма операции;Валюта операции;Сумма пересчитанная в валюту счета;Валюта счета\n"
        "2019-07-06 00:00:00;2019-07-08;-4,50;EUR;-336,15;RUR\n"
    ).entries

    assert (entry.booked_on.day, entry.amount, entry.account.currency) == (8, Decimal("-336.15"), "RUB")


def test_days_that_a_spreadsheet_has_made_numbers_are_days() -> None:
    read = Read("Date;Text;Amount;Currency\n45304;a;-10;EUR\n45306.5;b;7;EUR\n")

    assert [entry.booked_on.isoformat() for entry in read.entries] == ["2024-01-13", "2024-01-15"]
    assert read.format.date_order == "serial"


def test_records_that_are_quoted_as_a_whole_are_unwrapped() -> None:
    read = Read('"Date,Text,Amount"\n"13/01/2024,""Shop, x"",-10.00"\n')

    assert [(entry.text, entry.amount) for entry in read.entries] == [("Shop, x", Decimal("-10.00"))]


def test_a_text_over_two_lines_is_read_where_each_line_ends_with_a_delimiter() -> None:
    read = Read(
        'Date;Libellé;Débit;Crédit;\n15/01/2024;"VIREMENT\nSALAIRE";;1 000,00;\n13/01/2024;"CARTE\nSHOP";10,00;;\n'
    )

    assert [(entry.text, entry.amount) for entry in read.entries] == [
        ("VIREMENT SALAIRE", Decimal("1000.00")),
        ("CARTE SHOP", Decimal("-10.00")),
    ]
