"""What every sink must do. A new one inherits all of this by being in `SINKS` and having a rig in `RIGS`."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pydantic import ValidationError

from connectors.sample import sample
from connectors.sinks import SINKS
from connectors.sinks.batches import handed_over
from connectors.sinks.delivery import Delivered, Parcel, Refusal, Refused, Retry, Skipped
from tests.builders import NOON, routed
from tests.contract.sinks.rigs import LEAD, PATIENCE_S, PERSON, RIGS, SECRET, TIMEOUT, Rig, erasure


def test_every_sink_has_a_rig() -> None:
    assert RIGS.keys() == SINKS.keys()


def on(name: str, story: Callable[[Rig], Awaitable[None]], patience_s: float = PATIENCE_S) -> None:
    """Play a story with the sink of this name."""

    async def play() -> None:
        async with RIGS[name](patience_s) as rig:
            await story(rig)

    asyncio.run(play())


@pytest.mark.parametrize("name", SINKS)
def test_delivering_twice_leaves_one_lead(name: str) -> None:
    async def story(rig: Rig) -> None:
        assert isinstance(await rig.deliver(), Delivered)
        assert isinstance(await rig.deliver(), Delivered)
        assert rig.leads() == 1

    on(name, story)


@pytest.mark.parametrize("name", SINKS)
@pytest.mark.parametrize("status", [409, 429, 500, 502, 503, 504])
def test_a_destination_in_trouble_is_tried_again(name: str, status: int) -> None:
    async def story(rig: Rig) -> None:
        rig.says(status, {})
        assert await rig.deliver() == Retry(None, f"HTTP {status}")
        assert rig.leads() == 0

    on(name, story)


@pytest.mark.parametrize("name", SINKS)
def test_a_destination_that_says_when_is_heeded(name: str) -> None:
    async def story(rig: Rig) -> None:
        rig.says(429, {"retry-after": "7"})
        assert await rig.deliver() == Retry(7.0, "HTTP 429")

    on(name, story)


@pytest.mark.parametrize("name", SINKS)
def test_a_destination_that_says_no_is_not_asked_again(name: str) -> None:
    async def story(rig: Rig) -> None:
        rig.says(422, {})
        assert await rig.deliver() == Refused(Refusal.REJECTED, "HTTP 422")
        assert rig.leads() == 0

    on(name, story)


@pytest.mark.parametrize("name", SINKS)
def test_a_destination_that_does_not_answer_is_tried_again(name: str) -> None:
    async def story(rig: Rig) -> None:
        rig.says(TIMEOUT, {})
        assert await rig.deliver() == Retry(None, "timeout")

    on(name, story, patience_s=0.3)


@pytest.mark.parametrize("name", SINKS)
def test_what_is_wrong_with_our_credentials_is_no_leads_fault(name: str) -> None:
    async def story(rig: Rig) -> None:
        for _ in range(2):  # the first may cost no more than a new token
            rig.says(401, {})
        assert await rig.deliver() == Retry(None, "HTTP 401")

    on(name, story)


@pytest.mark.parametrize("name", SINKS)
def test_each_of_several_leads_gets_its_own_answer(name: str) -> None:
    async def story(rig: Rig) -> None:
        count = min(rig.sink.largest, 5)
        parcels = [Parcel(routed(f"e-{n}"), {"email": f"p{n}@example.com", "last_name": "Doe"}) for n in range(count)]
        outcomes = await rig.sink.deliver([Parcel(one.routed, one.person) for one in parcels])
        assert [type(outcome) for outcome in outcomes] == [Delivered] * count
        assert rig.leads() == count

    on(name, story)


@pytest.mark.parametrize("name", SINKS)
def test_a_sample_is_sent_and_answered_as_a_lead_is(name: str) -> None:
    async def story(rig: Rig) -> None:
        assert isinstance((await rig.sink.deliver([sample(NOON)]))[0], Delivered)
        assert rig.leads() == 1

    on(name, story)


PLATFORMS = {name for name in SINKS if name.endswith("_conversions")}


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_a_stage_that_no_lead_is_ever_at_is_named(name: str) -> None:
    with pytest.raises(ValidationError, match="msql is no stage: "):
        SINKS[name].options.model_validate({"events": {"msql": "7"}})


@pytest.mark.parametrize("name", ["google_conversions", "linkedin_conversions"])
def test_who_knows_conversions_by_number_is_told_numbers(name: str) -> None:
    kind = SINKS[name].options
    for events, fault in (({"mql": "qualified_lead"}, "events.mql"), ({}, "events")):
        with pytest.raises(ValidationError) as error:
            kind.model_validate({"events": events})
        assert fault in [".".join(map(str, it["loc"])) for it in error.value.errors()]
    with pytest.raises(ValidationError) as error:
        kind.model_validate({"events": {"mql": 7}})  # as YAML has it
    assert "events" not in [it["loc"][0] for it in error.value.errors()]


@pytest.mark.parametrize("name", SINKS)
def test_who_is_erased_is_known_there_no_more_and_ad_platforms_are_told_nothing(name: str) -> None:
    async def story(rig: Rig) -> None:
        await rig.deliver()
        outcomes = [type(await rig.erase()) for _ in range(2)]
        assert outcomes == [Skipped if name in PLATFORMS else Delivered] * 2
        left = {"webhook": 2}.get(name, 1 if name in PLATFORMS else 0)  # a webhook has what was posted
        assert rig.leads() == left

    on(name, story)


@pytest.mark.parametrize("name", SINKS.keys() - PLATFORMS)
def test_a_destination_in_trouble_is_asked_again_to_erase(name: str) -> None:
    async def story(rig: Rig) -> None:
        await rig.deliver()
        rig.says(503, {})
        assert await rig.erase() == Retry(None, "HTTP 503")
        assert isinstance(await rig.erase(), Delivered)

    on(name, story)


def test_decisions_and_erasures_in_one_batch_get_their_own_answers() -> None:
    async def story(rig: Rig) -> None:
        parcels = [Parcel(routed("e-0"), {"email": "p@example.com"}), erasure(), Parcel(LEAD, PERSON)]
        told = [Delivered("created"), Delivered("not there"), Delivered("created")]
        assert await handed_over(rig.sink, parcels) == told
        assert rig.leads() == 2

    on("salesforce", story)


@pytest.mark.parametrize("name", SINKS)
def test_secrets_and_people_never_show_in_a_repr(name: str) -> None:
    async def story(rig: Rig) -> None:
        rig.says(422, {})
        outcome = await rig.deliver()
        shown = repr(rig.sink) + repr(vars(rig.sink)) + repr(outcome)
        assert SECRET.removeprefix("whsec_") not in shown
        assert "jane" not in repr(outcome)
        assert LEAD.lead_id not in repr(outcome)

    on(name, story)


@pytest.mark.parametrize("name", SINKS.keys() - {"memory"})  # which needs none
def test_a_sink_that_lacks_its_options_says_which_and_each_is_described(name: str) -> None:
    kind = SINKS[name].options
    with pytest.raises(ValidationError) as error:
        kind.model_validate({})
    assert {fault["loc"][0] for fault in error.value.errors()} <= kind.model_fields.keys()
    assert all(field.description for field in kind.model_fields.values())


@pytest.mark.parametrize("name", SINKS)
def test_an_option_that_is_misspelt_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="hunter"):
        SINKS[name].options.model_validate({"hunter": "2"})
