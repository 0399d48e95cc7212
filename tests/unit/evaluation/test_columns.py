"""Columns nobody described: what they are taken for, and what an estimator sees of them."""

from pathlib import Path

import pytest

from streams.evaluation.columns import Kind, lead_column, row, understand
from streams.evaluation.dataset import DataError, Dataset, read
from streams.evaluation.labels import labels, times


def table(**columns: list[str | None]) -> Dataset:
    return Dataset(columns, len(next(iter(columns.values()))))


def kind(cells: list[str | None], name: str = "it") -> Kind:
    return understand(table(**{name: cells}), frozenset())[0].kind


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2.5", None, "1,200"] * 50, Kind.NUMBER),
        (["12 %", "7 %"] * 50, Kind.NUMBER),
        (["2024-01-02", "2024-03-04 10:00:00"] * 50, Kind.DATE),
        (["24/12/2023", "01/02/2024"] * 50, Kind.DATE),
        (["red", "green", None] * 50, Kind.CATEGORY),
        (["same"] * 100, Kind.CONSTANT),
        ([None] * 100, Kind.CONSTANT),
        ([f"u-{at:x}" for at in range(100)], Kind.IDENTIFIER),
        ([str(5 * at) for at in range(300)], Kind.IDENTIFIER),
        ([f"{at}.5" for at in range(300)], Kind.NUMBER),
        ([f"asked about plan {at} by phone" for at in range(100)], Kind.TEXT),
    ],
    ids=str,
)
def test_a_column_is_known_by_its_cells(cells: list[str | None], expected: Kind) -> None:
    assert kind(cells) is expected


def test_a_session_that_rarely_comes_back_names_rows_a_country_does_not() -> None:
    cells: list[str | None] = [f"s{at // 3}" for at in range(600)]
    assert kind(cells, "session_id") is Kind.IDENTIFIER
    assert kind(cells, "landing") is Kind.CATEGORY


def test_what_is_missing_is_said_and_what_is_no_number_is_kept_as_a_word() -> None:
    columns = understand(table(age=[None, "unknown", *map(str, range(100))]), frozenset())
    assert row(columns, 0, None) == {"age given": "no"}
    assert row(columns, 1, None) == {"age given": "unknown"}
    assert row(columns, 2, None) == {"age": 0.0}


def test_a_date_is_days_before_the_row_s_own_time() -> None:
    columns = understand(table(signed_up=["2024-01-01", "2024-01-05"]), frozenset())
    assert row(columns, 0, 1_704_067_200.0 + 3 * 86_400) == {"signed_up": 3.0}


def test_of_a_text_an_estimator_sees_the_words_that_come_back() -> None:
    cells: list[str | None] = [f"wants demo number{at} now" for at in range(60)]
    assert row(understand(table(note=cells), frozenset()), 7, None) == {
        "note: demo": "yes",
        "note: now": "yes",
        "note: wants": "yes",
    }


def test_the_lead_is_found_by_its_name_where_it_comes_back() -> None:
    repeated: list[str | None] = [f"u{at % 100}" for at in range(400)]
    assert lead_column(table(userId=repeated, event=["x"] * 400)) == "userId"
    assert lead_column(table(userId=[f"u{at}" for at in range(400)])) == ""
    assert lead_column(table(city=repeated)) == ""


def test_a_file_is_read_whatever_separates_its_cells(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text('a;b\n1;"x; y"\n2;NA\n')
    assert read(file) == Dataset({"a": ["1", "2"], "b": ["x; y", None]}, 2, ";")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_is_read_whatever_program_wrote_it(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "leads.csv"
    file.write_bytes("city\r\nZ\u00fcrich\r\n".encode(encoding))
    assert read(file).columns == {"city": ["Z\u00fcrich"]}


def test_bytes_that_are_no_text_spoil_their_cell_alone(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_bytes(b"city,pages\nBonn,1\n\x81\x8d,2\n")
    assert read(file).columns == {"city": ["Bonn", "\x81\x8d"], "pages": ["1", "2"]}


def test_the_header_is_the_first_line_that_says_something_and_quotes_hide_separators(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text('\n\n"a;b;c",d\n1,2\n')
    assert read(file).columns == {"a;b;c": ["1"], "d": ["2"]}


def test_what_is_no_finite_number_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("pages\ninf\n-Infinity\nNaN\n3\n")
    assert read(file).columns == {"pages": [None, None, None, "3"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("a,b\n", "a header and no row"),
        ("a,a\n1,2\n", "column 'a' is there twice"),
        ("a,b\n1,2\n1,2,3\n", "line 3 has 3 cells, the header has 2"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=said):
        read(file)


@pytest.mark.parametrize("mark", ["1", "1.0", "yes", "Won"])
def test_a_label_that_marks_only_who_converted_is_no_for_the_others(mark: str) -> None:
    assert labels(table(won=[mark, None, mark]), "won") == [1, 0, 1]
    assert labels(table(won=[mark, None, mark]), f"won={mark}") == [1, 0, 1]


@pytest.mark.parametrize("cells", [["1", "1"], ["0", None]])
def test_a_label_that_says_the_same_of_all_is_refused(cells: list[str | None]) -> None:
    with pytest.raises(DataError, match="--label won: every row has"):
        labels(table(won=cells), "won")


@pytest.mark.parametrize(
    ("positive", "negative"),
    [
        *[("1", "0"), ("1.0", "0.0"), ("1", "-1"), ("100", "0"), ("True", "False"), ("Y", "N"), ("t", "f"), ("J", "N")],
        *[("Ja", "Nein"), ("oui", "non"), ("Sí", "No"), ("sim", "não"), ("Да", "Нет"), ("はい", "いいえ")],
        *[("won", "open"), ("Closed", "lost"), ("Converted", "Not Converted")],
    ],
)
def test_of_two_values_the_positive_one_is_known_where_it_is_plain(positive: str, negative: str) -> None:
    assert labels(table(won=[negative, positive, None]), "won") == [0, 1, None]


@pytest.mark.parametrize(
    "values", [("1", "2"), ("2", "4"), ("m", "f"), ("t", "n"), ("red", "blue"), ("yes", "won"), ("no", "lost")]
)
def test_of_two_values_none_is_guessed_to_be_the_positive_one(values: tuple[str, str]) -> None:
    with pytest.raises(DataError, match=r"--label won: which of '.*' and '.*' is positive\? Say it: --label 'won="):
        labels(table(won=[*values]), "won")
    assert labels(table(won=[*values]), f"won={values[1]}") == [0, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("price;n\n1,5;1\n2,25;2\n", [1.5, 2.25]),
        ("price;n\n1.200,50;1\n7;2\n", [1200.5, 7.0]),
        ("price;n\n1 200,5 €;1\n-3,5;2\n", [1200.5, -3.5]),
        ("price;n\n1,250;1\n2,500;2\n", [1.25, 2.5]),
        ("price;n\n1,250.5;1\n2,500;2\n", [1250.5, 2500.0]),
        ("price;n\n1.5;1\n2.25;2\n", [1.5, 2.25]),
        ('price,n\n"1,250",1\n"2,500",2\n', [1250.0, 2500.0]),
        ('price,n\n"0,125",1\n"2,500",2\n', [0.125, 2.5]),
        ("price,n\n1'250.5,1\n2,2\n", [1250.5, 2.0]),
    ],
)
def test_a_decimal_comma_is_known_from_its_column(tmp_path: Path, text: str, expected: list[float]) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(text, encoding="utf-8")
    columns = [it for it in understand(read(file), frozenset()) if it.name == "price"]
    assert [row(columns, at, None)["price"] for at in range(2)] == expected


@pytest.mark.parametrize(
    "written",
    [
        *["1700000000", "1700000000000", "1700000000000000", "1700000000000000000", "1.7e9"],
        *[
            "2023-11-14T22:13:20Z",
            "2023-11-14T22:13:20.000+00:00",
            "2023-11-14 23:13:20+0100",
            "2023-11-14 22:13:20 UTC",
        ],
        *[
            "14/11/2023 22:13:20",
            "14.11.2023 22:13:20",
            "14-11-2023 22:13:20",
            "11/14/2023 10:13:20 PM",
            "20231114 22:13:20",
        ],
    ],
)
def test_a_time_is_read_however_it_is_written(written: str) -> None:
    assert times(table(at=[written, None]), "at", "--time") == [1_700_000_000.0, None]
