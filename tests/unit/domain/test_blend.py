"""Whose score routes: the card's at first, then both, then the model's; and it is said."""

import pytest
from msgspec.structs import replace

from schemas.learning import ModelSnapshot
from schemas.records import Kind
from streams.cards import card
from streams.domain.blend import CARD, Blend, evidence
from streams.domain.features import features
from streams.domain.profile import observe
from streams.domain.scoring import Scorer, logistic
from tests.builders import NOON, profile, touchpoint
from tests.unit.domain.test_scoring import MODEL

TRAITS = {"title": "Director of IT", "employees": "250", "industry": "Software"}
ASKED = observe(profile(), touchpoint(kind=Kind.DEMO_REQUEST, account="example.com", traits=TRAITS))
AT = NOON + 1


def after(labels: int, conversions: float = 1_000.0) -> ModelSnapshot:
    return replace(MODEL, examples=9_999, metrics={"n": float(labels), "conversions": conversions})


def test_before_any_label_a_demo_request_of_a_director_is_hot_and_a_page_view_is_not() -> None:
    blend = Blend(card())
    assert blend.score(ASKED, features(ASKED, AT), AT).probability > 0.5
    seen = observe(profile(), touchpoint())
    assert blend.score(seen, features(seen, AT), AT).probability < 0.15


@pytest.mark.parametrize(
    ("snapshot", "led_by", "share"),
    [(None, "card", 0.0), (after(50), "card", 0.0), (after(275), "blend", 0.5), (after(500), "model", 1.0)],
)
def test_what_leads_is_said(snapshot: ModelSnapshot | None, led_by: str, share: float) -> None:
    blend = Blend(card(), snapshot)
    score = blend.score(ASKED, features(ASKED, AT), AT)
    assert (score.led_by, score.share, score.model_version) == (led_by, share, 3 if snapshot else 0)
    assert blend.routes == {"card": "default 1", "blend": "", "model": "pipeline"}[led_by]
    assert score.card == "default 1"
    assert score.card_points == pytest.approx(5 + 15 + 6 + 6 + 25)


@pytest.mark.parametrize("labels", [0, 51, 275, 499, 500])
def test_a_blend_lies_between_both_and_its_points_add_up(labels: int) -> None:
    values = features(ASKED, AT)
    blend, alone = Blend(card(), after(labels)), Blend(card()).score(ASKED, values, AT).logit
    score, modelled = blend.score(ASKED, values, AT), Scorer(MODEL).score(values).logit
    assert score.logit == pytest.approx((1 - blend.share) * alone + blend.share * modelled)
    points = blend.points(ASKED, values, AT)
    assert abs(blend.intercept + sum(points.values()) - score.logit) < 1e-9
    assert score.probability == logistic(score.logit)
    largest = sorted(map(abs, points.values()), reverse=True)[:5]
    assert [abs(it.points) for it in score.reasons] == pytest.approx([it for it in largest if it])
    assert all(it.points == points[it.feature] for it in score.reasons)
    assert any(of for name, of in points.items() if name.startswith(CARD)) == (blend.share < 1.0)


def test_fit_and_engagement_are_shown_apart() -> None:
    fits = observe(profile(), touchpoint(account="example.com", traits=TRAITS))
    acts = observe(profile(), touchpoint(kind=Kind.DEMO_REQUEST))
    plain, fitting, keen = (
        Blend(card()).score(lead, features(lead, AT), AT) for lead in (observe(profile(), touchpoint()), fits, acts)
    )
    assert fitting.fit > plain.fit
    assert fitting.engagement == plain.engagement
    assert keen.engagement > plain.engagement
    assert keen.fit == plain.fit


@pytest.mark.parametrize(
    ("labels", "conversions", "worth"), [(400, 100, 400.0), (400, 5, 100.0), (4_000, 120, 2_400.0), (400, 0, 0.0)]
)
def test_labels_without_conversions_are_little_evidence(labels: int, conversions: float, worth: float) -> None:
    assert evidence(after(labels, conversions)) == worth


def test_a_snapshot_of_before_leads_as_it_did_when_it_is_replayed() -> None:
    old = replace(MODEL, examples=400, metrics={"n": 10.0, "converted": 15.0})
    assert (evidence(old), evidence(replace(old, metrics={}))) == (300.0, 400.0)


def test_what_each_scorer_says_is_kept_from_the_first_model_on() -> None:
    values, alone = features(ASKED, AT), Blend(card())
    assert alone.scores(values, alone.score(ASKED, values, AT)) == {}
    for labels in (1, 300, 500):
        blend = Blend(card(), after(labels))
        said = blend.scores(values, blend.score(ASKED, values, AT))
        assert said == pytest.approx(Scorer(MODEL).scores(values), abs=1e-12)
