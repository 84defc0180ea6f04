from __future__ import annotations

import random

import pytest

from tests.workers.finance.reading import read
from tests.workers.finance.samples import CAMT_053, MT940, OFX_1, OFX_2
from workers.finance.entries import StatementUnreadable

CSV = "IBAN;DE89370400440532013000\nDatum;Betrag;Text\n01.10.2024;-5,00;Brot <OF ganz frisch>\n"


@pytest.mark.parametrize(
    ("contents", "name"),
    [(CSV, "CSV"), (OFX_1, "OFX 1"), (OFX_2, "OFX 2"), (MT940, "MT940"), (CAMT_053, "CAMT.053.001.08")],
)
@pytest.mark.parametrize("file_name", ["statement", "statement.csv", "statement.ofx", "statement.sta", "statement.xml"])
def test_the_contents_tell_the_format_and_the_name_does_not(contents: str, name: str, file_name: str) -> None:
    assert read(contents, name=file_name).format.name == name


@pytest.mark.parametrize("contents", [CSV, OFX_1, OFX_2, MT940, CAMT_053])
@pytest.mark.parametrize("before", ["", "\ufeff", "\n\n \n"])
def test_what_stands_before_the_statement_does_no_harm(contents: str, before: str) -> None:
    assert read(before + contents).entries == read(contents).entries or before.strip("\ufeff")


@pytest.mark.parametrize(
    ("contents", "name", "told"),
    [
        (b"1\n2\n3\n", "june.sta", "named 'june.sta' but holds no MT940"),
        (b"PK\x03\x04 zip", "june.xml", "zip archive"),
        (b"%PDF-1.7", "june.ofx", "PDF"),
        (b"", "june.ofx", "empty"),
        (b"<html><body>Sign in</body></html>", "june.xml", "web page"),
        (b"\x00\x01\x02" * 1000, "june.sta", "not text"),
    ],
)
def test_other_files_are_refused_with_a_remedy(contents: bytes, name: str, told: str) -> None:
    with pytest.raises(StatementUnreadable, match=told):
        read(contents, name=name)


@pytest.mark.parametrize("contents", [CSV, OFX_1, MT940, CAMT_053])
def test_an_unknown_currency_is_refused(contents: str) -> None:
    with pytest.raises(StatementUnreadable, match=r"currency: .*ISO 4217"):
        read(contents, currency="EURO")


PIECES = [
    "<",
    ">",
    "&",
    "\x00",
    "\xff",
    ":61:",
    ":86:",
    "<STMTTRN>",
    "</OFX>",
    "<!--",
    "<![CDATA[",
    "-\n",
    "\n",
    "</Ntry>",
    "9" * 20,
    ",",
]


@pytest.mark.parametrize("contents", [CSV, OFX_1, OFX_2, MT940, CAMT_053])
@pytest.mark.parametrize("seed", range(3))
def test_damage_is_read_around_or_refused_and_nothing_else(contents: str, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(60):
        text = contents
        for _ in range(rng.choice([1, 1, 3, 10])):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(PIECES) + text[at + rng.choice([0, 0, 1, 30]) :]
        try:
            found = read(text.encode("latin-1", "replace"))
        except StatementUnreadable as error:
            assert error.field and error.remedy
        else:
            assert all(bad.field and bad.reason for bad in found.bad)
