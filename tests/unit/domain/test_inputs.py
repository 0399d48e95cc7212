"""Other leads than before are told at once, the same ones never."""

from random import Random

import pytest

from streams.domain.inputs import WINDOW, Inputs

KNOWN = {"trait:industry=software", "trait:industry=retail"}


def told(inputs: Inputs, number: int, mean: float, industry: str, rng: Random, *, by: str = "pipeline") -> Inputs:
    for _ in range(number):
        inputs.see({f"trait:industry={industry}": 1.0, "pages_7d": 2.0}, rng.betavariate(mean * 10, 10), KNOWN, by)
    return inputs


def test_the_same_leads_are_no_change() -> None:
    rng, inputs = Random(1), Inputs()
    found = [told(inputs, 50, 0.5, "software", rng).psi() for _ in range(60)]
    assert max(found) < 0.2
    assert inputs.unseen() == 0.0


@pytest.mark.parametrize("moved", [0.1, 2.0])
def test_scores_that_lie_elsewhere_are_told_within_a_window(moved: float) -> None:
    rng = Random(2)
    inputs = told(told(Inputs(), 2 * WINDOW, 0.5, "software", rng), WINDOW, moved, "software", rng)
    assert inputs.psi() > 0.25


def test_when_the_model_takes_over_from_the_card_its_other_scale_is_no_change_of_leads() -> None:
    rng, inputs = Random(4), Inputs()
    means = {"card": 0.5, "": 0.2, "pipeline": 0.1, "classifier": 0.3}
    found = [told(inputs, 50, mean, "software", rng, by=by).psi() for by, mean in means.items() for _ in range(30)]
    assert 0.0 < max(found) < 0.2
    assert told(inputs, WINDOW, 2.0, "software", rng, by="classifier").psi() > 0.25


def test_traits_that_the_model_has_never_seen_are_told() -> None:
    rng = Random(3)
    inputs = told(told(Inputs(), 300, 0.5, "retail", rng), 200, 0.5, "Software & Co", rng)
    assert inputs.unseen() == pytest.approx(0.4)


def test_before_there_is_a_model_or_enough_to_compare_nothing_is_told() -> None:
    inputs = Inputs()
    for _ in range(WINDOW):
        inputs.see({"trait:plan=trial": 1.0}, 0.5, (), "card")
    assert (inputs.psi(), inputs.unseen()) == (0.0, 0.0)
