"""What a fetcher is: a notice in, the events that it tells of out; or when to ask again, or why there is nothing."""

from typing import NamedTuple, Protocol

from connectors.egress.http import Answer, Http, Retry
from connectors.settings import FetcherSettings
from connectors.sources.contract import Part
from connectors.sources.sound import SIGNED, Unsound, parse_event
from schemas.records import RawEvent

PASSING = (401, 403, 408, 409, 423, 425, 426, 429)  # of the 4xx, these are mended by us or by time: the notice waits


class Found(NamedTuple):
    """The events, to be written under their source's name; none = there was only something to do."""

    parts: tuple[Part, ...] = ()


class Range(NamedTuple):
    """Which leads are wanted: `of` a form or an account, from `since` to `until`, seconds since the epoch."""

    of: str
    since: float
    until: float


class Leads(NamedTuple):
    """A page of leads, and where the next one is ("" = this is the last)."""

    parts: tuple[Part, ...]
    next: str


class Gone(NamedTuple):
    """There is nothing to be fetched, now or ever; `why` names no person."""

    why: str


class Fetcher(Protocol):
    """Fetches for one source."""

    def __init__(self, settings: FetcherSettings, http: Http) -> None: ...

    async def fetch(self, raw: RawEvent, notice: bytes) -> Found | Retry | Gone:
        """Return what became of a notice, which is the sender's bytes in `raw`. Raises nothing but `Rejected`."""
        ...


class Backfiller(Protocol):
    """A fetcher that can also bring what was there before its notices came, or what came while they did not."""

    def __init__(self, settings: FetcherSettings, http: Http) -> None: ...

    async def leads(self, asked: Range, at: str) -> Leads | Retry | Gone:
        """Return a page of leads; `at` "" = the first. A lead's event id is the one that its notice leads to."""
        ...


def told(heard: Answer | Retry) -> Answer | Retry | Gone:
    """Return an answer that holds a JSON object; else what to do. What is no such answer says nothing of a lead."""
    if isinstance(heard, Retry):
        return heard
    if trouble := failed(heard):
        return trouble
    if not heard.whole:
        return Retry(None, f"an answer of more than {len(heard.body) >> 10} KiB")
    try:
        parse_event(heard.body, SIGNED)
    except Unsound as error:
        return Retry(None, f"an answer that is not understood ({error.code})")
    return heard


def failed(heard: Answer) -> Retry | Gone | None:
    """Return what an answer's status means when it is no success."""
    if 200 <= heard.status < 300:
        return None
    if heard.status in PASSING or heard.status >= 500:
        return Retry(heard.after_s, f"status {heard.status}")
    return Gone(f"status {heard.status}")
