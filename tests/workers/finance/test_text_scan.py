from __future__ import annotations

import gzip
import os

import pytest

from workers.finance.entries import StatementUnreadable
from workers.finance.text_scan import MAX_LINE_BYTES, MAX_LINES, Scan, TextScan

GERMAN = "Buchungstag;Empfänger;Betrag\n02.01.2024;Bäckerei Müller Größe;-3,20\n03.01.2024;Café Übersee €;5,00\n"


def scan(data: bytes, chunk: int = 1 << 20) -> Scan:
    scanner = TextScan()
    for start in range(0, len(data), chunk):
        scanner.feed(data[start : start + chunk])
    return scanner.finish()


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
    ],
)
@pytest.mark.parametrize("chunk", [7, 1 << 20])
def test_the_encoding_is_found(encoding: str, found: str, chunk: int) -> None:
    data = GERMAN.encode(encoding)
    # The first chunk must hold enough for UTF-16 without a mark, as real reads do.
    data_scan = scan(data, max(chunk, 64) if encoding in {"utf-16-le", "utf-16-be"} else chunk)

    assert data_scan.encoding == found
    assert data.decode(data_scan.encoding) == GERMAN


def test_latin_1_is_read_as_its_superset() -> None:
    french = "Libellé;Débit\nBoulangerie à côté;2,50\n"

    found = scan(french.encode("latin-1"))

    assert french.encode("latin-1").decode(found.encoding) == french


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Señor Núñez pagó mañana; cañón, año, niño, corazón"),
        ("cp1252", "Årsavgift för försäkring; Göteborg, Växjö, Örebro"),
        ("cp1250", "Žluťoučký kůň příšerně úpěl; účet, převod, částka, zůstatek, měsíčně, poplatek za vedení účtu"),
        ("cp1251", "Перевод средств; зарплата за январь, оплата услуг связи, покупка в магазине, снятие наличных"),
    ],
)
def test_the_code_page_of_other_languages_is_found(encoding: str, text: str) -> None:
    data = f"Date;Amount\n{text}\n".encode(encoding)

    assert text in data.decode(scan(data).encoding)


def test_utf_8_with_a_broken_byte_stays_utf_8() -> None:
    data = GERMAN.encode() * 5 + b"04.01.2024;broken \xff byte;1,00\n"

    assert scan(data).encoding == "utf-8"
    assert scan(data).damaged == 1


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty"),
        (b" \r\n\t\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04....", "workbook"),
        (b"\xd0\xcf\x11\xe0....", "old Excel"),
        (gzip.compress(b"Date;Amount", mtime=0), "gzip"),
        (b"<html><body>Sign in</body></html>", "web page"),
        (b'[{"date": "2024-01-01"}]', "JSON"),
        (b"!Type:Bank\nD01/13/2024\nT-10.00\n^\n", "QIF"),
        (bytes(range(256)) * 50, "not text"),
        (b"Date;Amount\n" + b"\x00\x01\x02\x03" * 5000, "not text"),
    ],
)
def test_what_is_no_csv_is_named_with_a_remedy(data: bytes, problem: str) -> None:
    with pytest.raises(StatementUnreadable, match=problem) as error:
        scan(data)

    assert error.value.field == "file"
    assert error.value.remedy


def test_random_bytes_are_never_taken_for_a_statement() -> None:
    with pytest.raises(StatementUnreadable):
        scan(os.urandom(100_000))


def test_an_endless_line_is_refused_where_it_is() -> None:
    with pytest.raises(StatementUnreadable, match=f"line 3 is longer than {MAX_LINE_BYTES:,} bytes"):
        scan(b"a\nb\n" + b"x" * 50_000_000)
    with pytest.raises(StatementUnreadable, match="line 3 is longer"):
        scan(b"a\nb\n" + b"x" * (MAX_LINE_BYTES + 100) + b"\nc\n")


def test_more_than_a_million_lines_are_refused_before_anything_is_imported() -> None:
    assert scan(b"x\n" * MAX_LINES).lines == MAX_LINES + 1
    with pytest.raises(StatementUnreadable, match="split it"):
        scan(b"x\n" * (2 * MAX_LINES))
