"""The scorecard file: what it says, and complaints that name file, rule and field."""

from pathlib import Path

import pytest

from connectors.settings import SettingsError
from streams.cards import USUAL, card
from streams.domain.card import Bounds, Fade

HEAD = "name: ours\nversion: 7\nrules:\n"
RULE = "- {name: r, group: fit, points: 5, "


def complaint(tmp_path: Path, text: str) -> str:
    path = tmp_path / "card.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as error:
        card(str(path))
    lines = str(error.value).splitlines()
    led = f"LEADSTREAM_SCORECARD_FILE {path}: "
    assert all(line.startswith(led) for line in lines)
    return "\n".join(line.removeprefix(led) for line in lines)


def test_the_usual_card_can_be_read_as_a_file() -> None:
    assert card() == card(str(USUAL))
    assert {rule.group for rule in card().rules} == {"fit", "engagement"}
    assert min(rule.points for rule in card().rules) < 0


def test_a_rule_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(
        HEAD + "- {name: r, group: engagement, points: 5, event: [page, docs], per_day: 2, cap: 9, half_life_days: 3}"
    )
    (rule,) = card(str(path)).rules
    assert rule.events == {"page", "docs"}
    assert (rule.per_day, rule.bounds, rule.fade) == (2, Bounds(cap=9.0), Fade(half_life=3.0))
    assert card(str(path)).id == "ours 7"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + RULE + "event: pageview}", "rule 1 (r): event: there is no event pageview; there are "),
        (HEAD + RULE + "event: page, colour: red}", "rule 1 (r), colour: there is no such field"),
        (HEAD + RULE + "event: page, per_day: 0}", "rule 1 (r), per_day: it should be greater than or equal to 1"),
        (HEAD + RULE + "event: page, half_life_days: 1, gone_after_days: 2}", "rule 1 (r): half_life_days and gone"),
        (
            HEAD + RULE + "event: page, trait: title, stated: true}",
            "rule 1 (r): give one of event, trait and quiet_days",
        ),
        (
            HEAD + "- {name: r, group: fit, points: 5}",
            "rule 1 (r): give one of event, trait and quiet_days; there is none",
        ),
        (HEAD + RULE + "trait: title}", "rule 1 (r): trait: give one of is, has_word, stated, and at_least or at_most"),
        (HEAD + RULE + "trait: title, is: [a], stated: true}", "rule 1 (r): trait: give one of is, has_word"),
        (HEAD + RULE + "trait: x, at_least: 9, at_most: 1}", "rule 1 (r): at_least is more than at_most"),
        (HEAD + RULE + "event: page, is: [a]}", "rule 1 (r): is: does not go with event; remove it"),
        (HEAD + RULE + "event: page, cap: -1}", "rule 1 (r): floor must be 0 or less and cap 0 or more"),
        (
            HEAD + "- {name: r, group: both, points: 5, event: page}",
            "rule 1 (r), group: it should be fit or engagement",
        ),
        (
            HEAD + "- {name: r, group: fit, points: many, event: page}",
            "rule 1 (r), points: it should be a valid number",
        ),
        (
            HEAD + "- {name: r, group: fit, points: .nan, event: page}",
            "rule 1 (r), points: it should be a finite number",
        ),
        (HEAD + "- {group: fit, points: 1, event: page}", "rule 1, name: is missing; add it"),
        (HEAD + RULE + "event: page}\n" + RULE + "event: docs}", "rules: r is there twice"),
        (HEAD + "- nonsense", "rule 1: "),
        ("name: ours\nrules: []", "version: is missing; add it"),
        (HEAD + RULE + "event: page}\nodds: {at_zero: 1.0}", "odds, at_zero: it should be less than 1"),
        (
            HEAD + RULE + "event: page}\ncold_start: {card_alone_until: 600}",
            "cold_start: model_alone_from must be more",
        ),
        (HEAD + RULE + "event: page}\ngroups: {fat: {}}", "groups, fat: there is no such field"),
        ("", "is no mapping"),
        ("rules: [", "is not YAML: "),
    ],
)
def test_a_wrong_card_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert said in complaint(tmp_path, text)


def test_a_card_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match=r"LEADSTREAM_SCORECARD_FILE /nowhere.yaml: cannot be read"):
        card("/nowhere.yaml")
