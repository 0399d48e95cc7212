"""Replays of real data sets: recognised by their columns, in their order, without what nobody could have known."""

import json
import os
from pathlib import Path

import pytest

from streams.demo.files import LAG, recognise, replay, timeline
from streams.demo.rows import Unreadable
from streams.demo.sends import Door, Event
from streams.demo.shoppers import COLUMNS

ENDS = 1_790_000_000.0
WHOLE = {  # file, its rows, and the share of them with a good outcome
    "online_shoppers_intention_noheader.csv": (12_330, 0.155),
    "bank_first_20000.csv": (20_000, 0.0457),
}
SESSION = "0,0,1,5.5,3,64,0,0.1,7.5,0,Feb,2,2,1,2,Returning_Visitor,FALSE,{}"
CONTACT_HEADER = "age;job;marital;education;duration;campaign;pdays;previous;euribor3m;y"
CONTACT = "56;housemaid;married;basic.4y;261;1;999;0;4.857;{}"


def kept(repository: Path, name: str) -> Path:
    """Return where a data set lies, or skip."""
    path = Path(os.environ.get("LEADSTREAM_DATA") or repository.parent / "shared" / "data") / name
    if not path.exists():
        pytest.skip(f"{path} is missing; name the folder that holds {name} in LEADSTREAM_DATA")
    return path


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def traits(events: list[Event]) -> list[dict[str, object]]:
    return [json.loads(event.body)["traits"] for event in events if event.kind == "identify"]


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_data_set_gives_one_person_and_one_outcome_for_each_row_as_the_file_has_it(
    repository: Path, name: str
) -> None:
    events = list(timeline(kept(repository, name), 0, ENDS, "whole"))
    told = [event.kind for event in events if event.door is Door.CRM]
    rows, share = WHOLE[name]
    assert len(traits(events)) == len(told) == rows
    assert told.count("won") / len(told) == pytest.approx(share, abs=0.001)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert len({event.id for event in events}) == len(events)


def test_about_as_many_events_are_replayed_as_were_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, *[SESSION.format("FALSE")] * 300)
    assert 400 <= sum(len(send.ids) for send in replay(path, 400, ENDS)) <= 410


def test_an_outcome_is_told_some_sessions_later(tmp_path: Path) -> None:
    path = written(tmp_path, *[SESSION.format("TRUE")] * (3 * LAG))
    events = list(timeline(path, 0, ENDS, "later"))
    first = next(place for place, event in enumerate(events) if event.door is Door.CRM)
    assert len(traits(events[:first])) in (LAG, LAG + 1)


@pytest.mark.parametrize("header", [(), (",".join(COLUMNS),)], ids=["without header", "with header"])
def test_page_values_and_revenue_are_never_sent(tmp_path: Path, header: tuple[str, ...]) -> None:
    events = list(timeline(written(tmp_path, *header, SESSION.format("TRUE")), 0, ENDS, "leak"))
    assert len(traits(events)) == 1
    assert not {"page_values", "revenue"} & traits(events)[0].keys()
    assert not any(b"7.5" in event.body for event in events)
    assert [event.kind for event in events] == ["page"] * 3 + ["identify", "won"]


@pytest.mark.parametrize(("cell", "kind"), [("yes", "won"), ("1", "won"), ("no", "lost"), ("0", "lost")])
def test_duration_is_never_sent_and_outcomes_may_be_spelt_either_way(tmp_path: Path, cell: str, kind: str) -> None:
    events = list(timeline(written(tmp_path, CONTACT_HEADER, CONTACT.format(cell)), 0, ENDS, "leak"))
    assert [event.kind for event in events] == ["identify", "track", kind]
    assert traits(events)[0]["euribor3m"] == 4.857
    assert "y" not in traits(events)[0]
    assert not any(b"261" in event.body or b"duration" in event.body for event in events)


def test_a_file_of_no_known_kind_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"(?s)rows\.csv.*--data.*Online Shoppers.*Bank Marketing"):
        recognise(written(tmp_path, "name,age", "x,1"))


@pytest.mark.parametrize("path", ["missing.csv", "."])
def test_what_cannot_be_opened_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(Unreadable, match="cannot be read"):
        recognise(tmp_path / path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no data set"):
        recognise(written(tmp_path, ""))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (SESSION.format("TRUE").replace("64", "many"), "line 2: 'many' is not a number"),
        (SESSION.format("TRUE").replace("64", "nan"), "line 2: 'nan' is not a finite number"),
        (SESSION.format("TRUE").replace("FALSE", "perhaps"), "line 2: 'perhaps' is neither true nor false"),
        ("1,2,3", "line 2: 3 cells, not 18"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(Unreadable, match=complaint):
        list(timeline(written(tmp_path, SESSION.format("TRUE"), row), 0, ENDS, "bad"))


def test_what_leads_are_scored_on_is_sent_and_neither_an_outcome_nor_private(tmp_path: Path) -> None:
    for rows in ([SESSION.format("TRUE")], [CONTACT_HEADER, CONTACT.format("yes")]):
        path = written(tmp_path, *rows)
        kept = set(recognise(path).kind.kept())
        sent = traits(list(timeline(path, 0, ENDS, "kept")))[0].keys()
        assert len(kept & sent) >= 5
        assert not kept & {"page_values", "revenue", "duration", "y", "age", "marital", "email"}
