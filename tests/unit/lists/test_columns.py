"""What the columns of a list mean."""

from pathlib import Path

import pytest

from connectors.lists.columns import by_names, from_file, told
from connectors.lists.table import Unreadable
from schemas.rejected import Rejected


def test_columns_are_known_by_their_usual_names() -> None:
    found = by_names(
        ["E-Mail Address", "First Name", "surname", "Company name", "Job Title", "Shoe size", "Created at"]
    )
    fields, row_id, at, consent = found.read(
        {"E-Mail Address": "j@x.example", "First Name": "Jane", "surname": "", "Job Title": "CTO", "Created at": "2026"}
    )
    assert fields == {"email": "j@x.example", "first_name": "Jane", "title": "CTO"}
    assert (row_id, at, consent) == ("", "2026", {})


def test_pairs_say_what_one_column_means_whatever_it_is_called() -> None:
    found = told(['email=Work "mail"', "consent_contact=OK?", "id=#"], ['Work "mail"', "OK?", "#", "rest"])
    assert found.read({'Work "mail"': "j@x.example", "OK?": "Ja", "#": "7"}) == (
        {"email": "j@x.example"},
        "7",
        "",
        {"contact": True},
    )


@pytest.mark.parametrize(
    ("answer", "due"), [("yes", {"contact": True}), ("X", {"contact": True}), ("no", {"contact": False}), ("", {})]
)
def test_an_answer_is_a_yes_a_no_or_none(answer: str, due: dict[str, bool]) -> None:
    found = told(["email=e", "consent_contact=c"], ["e", "c"])
    assert found.read({"e": "j@x.example", "c": answer})[3] == due


def test_a_file_may_say_it_in_jmespath(tmp_path: Path) -> None:
    file = tmp_path / "map.yaml"
    file.write_text(
        "map: {email: mail || private_mail, name: \"join(' ', [first, last])\"}\nid: nr\nconsent: {ads: ads == 'y'}\n"
    )
    cells = {"mail": "", "private_mail": "j@x.example", "first": "Jane", "last": "Doe", "nr": "9", "ads": "n"}
    assert from_file(file).read(cells) == ({"email": "j@x.example", "name": "Jane Doe"}, "9", "", {"ads": False})
    with pytest.raises(Rejected, match="invalid_value"):
        from_file(file).read({})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("map: {shoe: size}", "there is no field shoe"),
        ("map: {name: name}", "map at least one of"),
        ("map: {email: '[['}", "is no JMESPath"),
        ("map: [", "is not YAML: while parsing a flow node .* at line 1, column 7"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "map.yaml"
    file.write_text(text)
    with pytest.raises(Unreadable, match=complaint):
        from_file(file)


def test_columns_that_name_nobody_and_pairs_without_a_column_are_refused() -> None:
    with pytest.raises(Unreadable, match="say --map email=COLUMN"):
        by_names(["shoe size", "colour"])
    with pytest.raises(Unreadable, match="there is no column 'Mail'"):
        told(["email=Mail"], ["mail"])


def test_the_documented_example_is_a_map(repository: Path) -> None:
    found = from_file(repository / "docs" / "examples" / "list.yaml")
    cells = {
        "Work e-mail": "j@x.example",
        "first": "Jane",
        "last": "Doe",
        "company": "",
        "badge": "7",
        "newsletter": "x",
    }
    assert found.read(cells | {"scanned_at": "2026-09-20"}) == (
        {"email": "j@x.example", "name": "Jane Doe"},
        "7",
        "2026-09-20",
        {"contact": True},
    )
