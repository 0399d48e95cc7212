"""Whose turn it is: any mixture of arrivals, successes and failures keeps each lead's order and loses no job."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.backlog import Backlog, Job
from connectors.lane import due
from connectors.sinks.delivery import Parcel
from tests.builders import routed

SPOT = ("leads.routed", 0)


def job(lead: str, offset: int, erased_at: float = 0.0) -> Job:
    return Job((0, lead.encode()), SPOT, offset, b"", Parcel(routed(lead, offset + 1, erased_at=erased_at), {}))


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.booleans(), max_size=60), st.integers(1, 4))
def test_each_leads_jobs_come_out_once_and_in_order(leads: list[str], fates: list[bool], most: int) -> None:
    backlog, out, now = Backlog(), list[Job](), 0.0
    for offset, lead in enumerate(leads):
        backlog.add(job(lead, offset))
    luck = iter(fates)
    while len(backlog):
        now += 1.0
        turns = backlog.take(now, most)
        assert len({jobs[0].lead for jobs in turns}) == len(turns) <= most
        for jobs in turns:
            if next(luck, True):
                out.append(jobs[0])
                backlog.done(jobs[:1])
            else:
                jobs[0].due_at = now + 2.0
                backlog.again(jobs[0])
    assert sorted(one.offset for one in out) == list(range(len(leads)))
    for lead in "abc":
        offsets = [one.offset for one in out if one.lead[1] == lead.encode()]
        assert offsets == sorted(offsets)


def test_a_lead_that_is_being_delivered_is_not_given_out_again() -> None:
    backlog = Backlog()
    backlog.add(job("a", 0))
    backlog.add(job("a", 1))
    assert [len(jobs) for jobs in backlog.take(1.0, 9)] == [2]
    assert backlog.take(2.0, 9) == []


def test_who_was_tried_least_comes_first() -> None:
    backlog, tried, new = Backlog(), job("a", 0), job("b", 1)
    tried.attempt = 3
    backlog.add(tried)
    backlog.add(new)
    assert [jobs[0] for jobs in backlog.take(1.0, 1)] == [new]


def test_what_ends_after_its_partition_was_let_go_changes_nothing() -> None:
    backlog = Backlog()
    backlog.add(job("a", 0))
    (jobs,) = backlog.take(1.0, 1)
    backlog.forget(SPOT)
    backlog.done(jobs)
    assert len(backlog) == 0
    backlog.add(job("a", 0))
    assert len(backlog.take(2.0, 1)) == 1


def test_a_lead_that_is_withdrawn_leaves_with_all_its_jobs() -> None:
    backlog = Backlog()
    for offset in range(3):
        backlog.add(job("a", offset))
    (jobs,) = backlog.take(1.0, 1)
    assert backlog.withdraw(jobs[0]) == list(jobs)
    assert (len(backlog), backlog.next_at()) == (0, None)


def test_what_is_overtaken_comes_out_no_more_and_what_comes_after_is_due_at_its_own_time() -> None:
    backlog, late = Backlog(), job("a", 0)
    late.due_at = 9.0
    for one in (late, job("a", 1), job("b", 2)):
        backlog.add(one)
    assert [one.offset for one in backlog.overtake(late.lead)] == [0, 1]
    assert backlog.overtake((0, b"nobody")) == []
    new, newer = job("a", 3), job("a", 4)
    backlog.add(new)
    assert [[one.offset for one in jobs] for jobs in backlog.take(1.0, 9)] == [[2], [3]]
    assert (backlog.overtake(new.lead), new.overtaken) == ([], True)
    newer.due_at = 99.0
    backlog.add(newer)
    backlog.done([new])
    assert backlog.take(10.0, 9) == [], "what was to be due then is gone"
    assert backlog.take(99.0, 9) == [(newer,)]


@pytest.mark.parametrize(("newest", "erased", "count"), [(False, 0, 1), (True, 0, 3), (True, 1, 1), (False, 1, 1)])
def test_one_call_settles_all_that_wait_where_the_newest_counts_but_an_erasure_is_for_itself(
    newest: bool, erased: int, count: int
) -> None:
    jobs = [job("a", offset, erased_at=float(offset < erased)) for offset in range(3)]
    assert due(jobs, newest) == jobs[:count]
