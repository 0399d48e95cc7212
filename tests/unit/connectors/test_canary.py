"""Canaries in flight: each comes back once, and those that do not are given up."""

from connectors.canary import LOST_S, Flight


def test_a_canary_comes_back_once_and_a_stranger_never() -> None:
    flight = Flight()
    flight.sent("a", 10.0)
    assert flight.back("a", 10.5) == 0.5
    assert flight.back("a", 11.0) is None
    assert flight.back("b", 11.0) is None


def test_one_that_stays_away_is_lost_and_does_not_come_back_later() -> None:
    flight = Flight()
    flight.sent("a", 0.0)
    assert (flight.lost(LOST_S), flight.lost(LOST_S + 1)) == (0, 1)
    assert flight.back("a", LOST_S + 2) is None
