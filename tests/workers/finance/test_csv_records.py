from __future__ import annotations

import io

from workers.finance.csv_records import records, text_lines
from workers.finance.entries import BadLine


def read(text: str, delimiter: str = ";") -> list[object]:
    return list(records(iter(text.split("\n")), delimiter))


def test_a_quoted_cell_may_hold_delimiters_quotes_and_line_breaks() -> None:
    assert read('a;"b;c";d\n1;"two\nlines";"say ""hi"""\nx;y;z') == [
        (1, ["a", "b;c", "d"]),
        (2, ["1", "two\nlines", 'say "hi"']),
        (4, ["x", "y", "z"]),
    ]


def test_an_unclosed_quote_costs_its_own_line_alone() -> None:
    rest = [f"{n};text;{n},00" for n in range(2, 200)]
    found = read("\n".join(['1;"open;1,00', *rest]))

    assert found[0] == BadLine(1, "columns", "a quotation mark is opened and not closed")
    assert [record[0] for record in found[1:]] == list(range(2, 200))  # type: ignore[index]


def test_an_unclosed_quote_near_the_end_costs_its_own_line_alone() -> None:
    assert read('1;a\n2;"open\n3;c\n4;d') == [
        (1, ["1", "a"]),
        BadLine(2, "columns", "a quotation mark is opened and not closed"),
        (3, ["3", "c"]),
        (4, ["4", "d"]),
    ]


def test_an_unclosed_quote_does_not_swallow_records_up_to_the_next_stray_one() -> None:
    text = '1;"open;x\n2;b;c\n3;d";e\n4;"two\nlines";f'

    assert list(records(iter(text.split("\n")), ";", width=3)) == [
        BadLine(1, "columns", "a quotation mark is opened and not closed"),
        (2, ["2", "b", "c"]),
        (3, ["3", 'd"', "e"]),
        (4, ["4", "two\nlines", "f"]),
    ]


def test_a_quote_in_the_middle_of_a_bare_cell_is_a_character() -> None:
    assert read('1;screen 24";x\n2;b;c') == [(1, ["1", 'screen 24"', "x"]), (2, ["2", "b", "c"])]


def test_many_unclosed_quotes_are_each_reported() -> None:
    # Further apart than a record may be long, so that none of them closes the one before.
    found = read("\n".join(f'{n};"open' if n % 60 == 1 else f"{n};x" for n in range(1, 200)))

    assert [record.line for record in found if isinstance(record, BadLine)] == [1, 61, 121, 181]
    assert len(found) == 199


def test_lines_end_in_any_of_three_ways_even_across_chunks() -> None:
    for end in ("\n", "\r\n", "\r"):
        data = end.join(["ä" * 300_000, "b", "", "c"]).encode()

        assert list(text_lines(io.BytesIO(data), "utf-8")) == ["ä" * 300_000, "b", "", "c"]


def test_a_record_of_too_many_values_is_bad() -> None:
    found = list(records(iter(["a;b", ";" * 100_000, "c;d"]), ";"))

    assert found[0] == (1, ["a", "b"]) and found[2] == (3, ["c", "d"])
    assert isinstance(found[1], BadLine) and found[1].line == 2
