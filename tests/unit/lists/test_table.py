"""A list's file: whatever it was written with, each row or what is wrong with it, and where."""

import csv
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.lists.table import LARGEST_CELL, Bad, Row, Table, Unreadable


def table(folder: Path, data: bytes, **said: str) -> Table:
    path = folder / "leads.csv"
    path.write_bytes(data)
    return Table(path, **said)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("e-mail,company\njörg@x.example,Bücher\n".encode(), {}),
        ("e-mail;company\r\njörg@x.example;Bücher\r\n".encode("utf-8-sig"), {}),
        ("e-mail\tcompany\njörg@x.example\tBücher".encode("utf-16"), {}),
        ("e-mail|company\n\n'jörg@x.example|Bücher\n\n".replace("'", "").encode("cp1252"), {"encoding": "cp1252"}),
        ("e-mail:company\njörg@x.example:Bücher\n".encode(), {"delimiter": ":"}),
        ('e-mail,company\n"jörg@x.example"," Bücher "\n'.encode(), {}),
    ],
    ids=["utf-8", "with a mark and semicolons", "utf-16 and tabs", "cp1252 and empty lines", "colons", "quotes"],
)
def test_encodings_and_delimiters_are_found_or_told(tmp_path: Path, data: bytes, said: dict[str, str]) -> None:
    rows = list(table(tmp_path, data, **said).rows())
    assert [row.cells for row in rows if isinstance(row, Row)] == [{"e-mail": "jörg@x.example", "company": "Bücher"}]
    assert len(rows) == 1


def test_a_quoted_cell_may_hold_lines_and_rows_know_where_they_begin(tmp_path: Path) -> None:
    rows = list(table(tmp_path, b'email,note\na@x.example,"one\ntwo\nthree"\n\nb@x.example,four\n').rows())
    assert rows == [
        Row(1, 2, {"email": "a@x.example", "note": "one\ntwo\nthree"}),
        Row(2, 6, {"email": "b@x.example", "note": "four"}),
    ]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"a@x.example", "1 cells under 2 columns"),
        (b"a,b,c", "3 cells under 2 columns"),
        (b"j\xf6rg@x.example,x", "not utf-8"),
        (b'"a"b,c', "expected after"),
    ],
    ids=["too few cells", "too many cells", "another encoding", "a stray quote"],
)
def test_a_bad_row_is_told_and_the_next_one_is_read(tmp_path: Path, bad: bytes, why: str) -> None:
    first, second, third = table(tmp_path, b"email,note\n1,2\n" + bad + b"\n3,4\n").rows()
    assert isinstance(second, Bad)
    assert (second.number, second.line, second.reason) == (2, 3, "unparseable")
    assert why in second.detail
    assert [first, third] == [Row(1, 2, {"email": "1", "note": "2"}), Row(3, 4, {"email": "3", "note": "4"})]


def test_a_quote_that_is_never_closed_does_not_take_in_the_rest(tmp_path: Path) -> None:
    rows = table(tmp_path, b'email,note\n1,"2\n' + b"3,4\n" * LARGEST_CELL).rows()
    assert sum(isinstance(row, Row) for row in rows) > 0.7 * LARGEST_CELL


@pytest.mark.parametrize(
    ("data", "said", "complaint"),
    [
        (b"", {}, "is empty"),
        (b"email,email\n", {}, "two columns are called email"),
        (b"e\xf6mail,x\n", {}, "say --encoding"),
        (b"email\n", {"encoding": "klingon"}, "--encoding klingon is not known"),
    ],
)
def test_a_file_that_cannot_be_used_at_all_says_what_to_do(
    tmp_path: Path, data: bytes, said: dict[str, str], complaint: str
) -> None:
    with pytest.raises(Unreadable, match=complaint):
        table(tmp_path, data, **said)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"nosuch\.csv cannot be read"):
        Table(tmp_path / "nosuch.csv")


def peak(folder: Path, rows: int) -> int:
    """The most memory that reading so many rows takes, bytes."""
    found = table(folder, b"email,note\n" + b'jane@example.com,"a note\nof two lines"\n' * rows)
    tracemalloc.start()
    assert sum(1 for _ in found.rows()) == rows
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_a_file_ten_times_as_long_takes_no_more_memory(tmp_path: Path) -> None:
    assert peak(tmp_path, 20_000) < 1.5 * peak(tmp_path, 2_000)


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r")), min_size=2, max_size=2)))
def test_what_a_csv_writer_writes_is_read(tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("csv") / "leads.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["a", "b"], *cells])
    found = [row.cells for row in Table(path, delimiter=",").rows() if isinstance(row, Row)]
    assert found == [{"a": one.strip(), "b": two.strip()} for one, two in cells if one or two]
