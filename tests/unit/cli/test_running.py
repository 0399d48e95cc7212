"""What check makes of two looks at a group: who is late, who stands still, and who is not there at all."""

import pytest

from connectors.probe import Lag
from connectors.pulse import Beat
from streams.cli.running import told_of


def beat(group: str, lag: Lag) -> Beat:
    return Beat(0.0, {}, {group: {"touchpoints": lag}}, {}, None)


WELL, LATE = Lag(0, 0.0, end=10), Lag(5, 90.0, end=15)


@pytest.mark.parametrize(
    ("before", "after", "members", "wrong"),
    [
        (WELL, WELL, 1, ""),
        (WELL, WELL, None, ""),  # the brokers do not let us ask
        (WELL, WELL, 0, "nothing is due, and nobody is there: start `leadstream worker`"),
        (WELL, Lag(1, 2.0, end=11), 0, "1 records, 2 s, and nobody is there: start `leadstream worker`"),
        (WELL, Lag(1, 59.0, end=11), 2, ""),
        (LATE, LATE, 2, "5 records, 90 s behind, and nothing is committed; docs/runbook/leadstreamworkerstalled.md"),
        (LATE, Lag(5, 90.0, end=17), 2, "5 records, 90 s behind, and working; docs/runbook/leadstreamlaghigh.md"),
    ],
)
def test_a_group_is_told_by_what_is_wrong_with_it_first(
    before: Lag, after: Lag, members: int | None, wrong: str
) -> None:
    group = "leadstream"
    found = told_of(group, beat(group, before), beat(group, after), members)
    assert (found.subject, found.wrong) == ("lag of worker", wrong)


@pytest.mark.parametrize(
    ("group", "command"),
    [
        ("leadstream-view", "view"),
        ("leadstream-fetcher", "fetcher"),
        ("leadstream-relay", "relay"),
        ("leadstream-relay-sales", "relay"),
    ],
)
def test_who_is_not_there_is_named_by_the_command_that_starts_it(group: str, command: str) -> None:
    found = told_of(group, beat(group, WELL), beat(group, WELL), 0)
    assert f"`leadstream {command}`" in found.wrong
