"""When a destination is left alone, and when it is asked again."""

from connectors.breaker import Breaker
from connectors.sinks.delivery import Delivered, Retry, Skipped


def test_one_lead_that_always_fails_opens_nothing() -> None:
    breaker = Breaker(leads=3)
    for now in range(100):
        breaker.failed(["e-1"], float(now))
    assert not breaker.open


def test_different_leads_that_fail_in_a_row_open_it_and_a_success_between_does_not() -> None:
    breaker = Breaker(leads=3)
    for lead in ("a", "b", "ok", "c", "d"):
        breaker.succeeded() if lead == "ok" else breaker.failed([lead], 0.0)
    assert not breaker.open
    breaker.failed(["e"], 0.0)
    assert breaker.open


def test_the_pause_doubles_up_to_its_longest_and_starts_over_after_a_success() -> None:
    breaker = Breaker(leads=1, first_s=1.0, longest_s=5.0)
    waits = []
    for now in range(0, 500, 100):
        breaker.failed(["a"], float(now))
        waits.append(breaker.wait_s(float(now)))
    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0]
    breaker.succeeded()
    breaker.failed(["a"], 1_000.0)
    assert breaker.wait_s(1_000.0) == 1.0


def test_a_destination_that_asks_to_be_left_alone_is() -> None:
    breaker = Breaker()
    breaker.failed(["a"], 10.0, asked_s=60.0)
    assert (breaker.wait_s(10.0), breaker.wait_s(69.0), breaker.wait_s(70.0)) == (60.0, 1.0, 0.0)


def test_decisions_that_were_not_for_it_neither_close_nor_open_it() -> None:
    breaker, skipped = Breaker(leads=3), Skipped("no consent")
    for lead in range(2):
        breaker.heard([(lead, Retry(None, "HTTP 503"))], 0.0)
        breaker.heard([("other", skipped)], 0.0)
    assert not breaker.open
    breaker.heard([(2, Retry(None, "HTTP 503")), ("other", skipped)], 0.0)
    assert breaker.open
    breaker.heard([("other", skipped)], 9.0)
    assert breaker.open


def test_one_answer_closes_it_and_what_is_one_leads_own_trouble_is_an_answer() -> None:
    for answer in (Delivered(), Retry(None, "busy with it", alone=True)):
        breaker = Breaker(leads=1)
        breaker.heard([("a", Retry(None, "HTTP 503"))], 0.0)
        assert breaker.open
        breaker.heard([("a", Retry(None, "HTTP 503")), ("b", answer)], 9.0)
        assert not breaker.open


def test_it_waits_as_long_as_the_longest_that_was_asked_for() -> None:
    breaker = Breaker()
    breaker.heard([("a", Retry(5.0, "HTTP 429")), ("b", Retry(9.0, "HTTP 429")), ("c", Retry(None, "HTTP 503"))], 0.0)
    assert breaker.wait_s(2.0) == 7.0
