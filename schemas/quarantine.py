"""The records of quarantine: what is held back, and the crowds that machines are told by."""

from msgspec import field

from schemas.records import RawEvent, Record


class Quarantined(Record, frozen=True, kw_only=True):
    """An event that machines or pranksters seem to have sent: kept whole, applied to nobody, until it is released.

    `signs` say why. Once it is released, the same record is written again with the time of that (0 = it waits).
    """

    id: str
    signs: list[str]
    held_at: float
    event: RawEvent
    released_at: float = 0.0


class Click(Record, frozen=True, kw_only=True):
    """A click of `who` (a pseudonym) on a `link` (a checksum), as its touchpoint has it.

    `counted`: it was taken for a person's.
    """

    who: str
    link: int
    id: str
    lead_id: str
    occurred_at: float
    received_at: float
    digest: int = 0
    counted: bool = True


class Crowd(Record, frozen=True, kw_only=True):
    """How many forms each network and each visitor has sent in an hour, and the latest clicks in mails.

    It is the second state of `resolve`. `hour` = hours since the epoch; `counts` by pseudonym, never more than there
    were.
    """

    hour: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    clicks: list[Click] = field(default_factory=list)
