"""A log of events: what a row asks, when that is answered, and what of the past it may know."""

import random
from pathlib import Path

import pytest

from streams.domain.hazards import DAY_S
from streams.evaluation.dataset import DataError, Dataset
from streams.evaluation.evaluate import Spec, evaluate
from streams.evaluation.events import OTHER, ahead, history
from streams.evaluation.timeline import Questions

START = 1_700_000_000.0


def asked(*rows: tuple[str | None, float, bool]) -> tuple[Questions, list[str | None]]:
    """Rows of (lead, day, is a conversion), in time order."""
    moments = [START + day * DAY_S for _, day, _ in rows]
    labels: list[int | None] = [int(won) for _, _, won in rows]
    data = Dataset({}, len(rows))
    return Questions(data, list(moments), labels, moments, [None] * len(rows), 0), [lead for lead, _, _ in rows]


def test_a_row_is_answered_by_the_next_conversion_of_its_lead() -> None:
    found = ahead(*asked(("a", 0, False), ("b", 1, False), ("a", 2, True), ("a", 3, False), ("a", 5, True)))
    assert found.labels == [1, 0, 1, 1, 0]
    days = [None if at is None else (at - START) / DAY_S for at in found.known]
    assert days == [2, None, 5, 5, None]


def test_rows_of_one_moment_do_not_answer_each_other() -> None:
    found = ahead(*asked(("a", 0, False), ("a", 0, True), ("a", 4, True), ("a", 4, True)))
    assert [None if at is None else (at - START) / DAY_S for at in found.known] == [4, 4, None, None]


def test_a_row_of_nobody_is_no_question() -> None:
    assert ahead(*asked((None, 0, False), (None, 1, True))).labels == [None, None]


def test_times_that_are_no_dates_are_refused() -> None:
    questions, leads = asked(("a", 0, False))
    with pytest.raises(DataError, match=r"--within without --label-time.*dates in --time"):
        ahead(questions._replace(times=[None]), leads)


def test_the_past_is_known_up_to_the_row_and_no_further() -> None:
    questions, leads = asked(("a", 0, False), ("b", 0.5, False), ("a", 1, False), ("a", 3, False))
    columns = {it.name: it for it in history(questions, leads, ["look", "look", "buy", "look"])}
    rows: list[dict[str, float | str]] = [{} for _ in leads]
    for at, x in enumerate(rows):
        for column in columns.values():
            assert column.put is not None
            column.put(at, None, x)
    assert [x["events so far"] for x in rows] == [1, 1, 2, 3]
    assert [x["days since the last"] for x in rows] == [0, 0, 1, 2]
    assert [x["buy, past day"] for x in rows] == [0, 0, 1, 0.25]
    assert [x["look, past day"] for x in rows] == [1, 1, 0.5, 1.125]


def test_rare_kinds_are_counted_together() -> None:
    rows = [("a", float(day), False) for day in range(90)]
    kinds = [f"kind {day // 2}" for day in range(88)] + ["rare", "rarer"]
    names = {it.name for it in history(*asked(*rows), kinds)}
    assert f"{OTHER}, past day" in names
    assert "rare, past day" not in names


def test_who_looked_at_prices_is_told_from_who_did_not(tmp_path: Path) -> None:
    rng, lines = random.Random(7), ["user_id,event,at"]
    for lead in range(400):
        keen, at = rng.random() < 0.3, START + rng.random() * 60 * DAY_S
        steps = ["home", "pricing", "home", "purchase"] if keen else ["home", "blog", "home"]
        lines += [f"u{lead},{step},{at + 3_600 * hour:.0f}" for hour, step in enumerate(steps)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    found = evaluate(Spec(path, "event=purchase", "at", within=7 * DAY_S, reference=False))
    assert found.ours.figures.auc > 0.75
    assert found.horizon == "7 days"


def test_without_a_lead_there_is_no_log_of_events(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("event,at\n" + "".join(f"home,{START + at:.0f}\n" for at in range(9)) + f"buy,{START + 9:.0f}\n")
    with pytest.raises(DataError, match="--lead: no column is named like a lead's"):
        evaluate(Spec(path, "event=buy", "at", within=DAY_S, reference=False))
