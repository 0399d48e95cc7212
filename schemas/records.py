"""The records that travel on the topics: immutable values, one per Avro schema in `schemas/avro`.

Times are seconds since the epoch, UTC (`float`). Personal fields travel sealed in `person`, one bytes field whose key
is named by `person_key` ("" = not sealed yet); everything else is keyed by pseudonymous ids (see `schemas.keys`).
"""

from msgspec import Struct

from schemas.choice import Choice


class Kind(Choice):
    """What happened at a touchpoint."""

    PAGE = "page"
    PRICING = "pricing"
    DOCS = "docs"
    FORM = "form"
    DEMO_REQUEST = "demo_request"
    AD_LEAD = "ad_lead"
    IDENTIFY = "identify"
    GROUP = "group"
    EMAIL_DELIVERED = "email_delivered"
    EMAIL_OPEN = "email_open"
    EMAIL_CLICK = "email_click"
    EMAIL_BOUNCE = "email_bounce"
    UNSUBSCRIBE = "unsubscribe"
    SPAM_REPORT = "spam_report"
    ERASURE = "erasure"  # they, or a platform on their behalf, ask to be forgotten
    CONTACT = "contact"
    OTHER = "other"


class Channel(Choice):
    """Which door an event came through; `events.<channel>` is its raw topic."""

    WEB = "web"
    AD = "ad"
    EMAIL = "email"
    CRM = "crm"


class OutcomeKind(Choice):
    """What the CRM says became of a lead."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    MEETING = "meeting"
    OPPORTUNITY = "opportunity"
    WON = "won"
    LOST = "lost"
    DISQUALIFIED = "disqualified"


class Stage(Choice):
    """Where a lead stands in the life cycle (domain: `streams.domain.lifecycle`)."""

    ANONYMOUS = "anonymous"
    LEAD = "lead"
    MQL = "mql"
    SAL = "sal"
    SQL = "sql"
    CUSTOMER = "customer"
    RECYCLED = "recycled"
    DISQUALIFIED = "disqualified"


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Base of all records: immutable, compared by value, and never in a cycle: the collector need not look."""


class RawEvent(Record, frozen=True, kw_only=True):
    """One event as a sender sent it. `person` holds {body: bytes, ip: str, user_agent: str}.

    `released`: somebody has looked at it in quarantine, and let it go on.
    """

    event_id: str
    source: str
    endpoint: str
    key: str
    received_at: float
    gpc: bool = False
    person: bytes = b""
    person_key: str = ""
    released: bool = False


class Touchpoint(Record, frozen=True, kw_only=True):
    """Something a lead did, told by one raw event. `weight` 0 = kept, but not human (`weight_reason` says why)."""

    id: str
    lead_id: str
    kind: Kind
    channel: Channel
    occurred_at: float
    received_at: float
    digest: int = 0
    weight: float = 1.0
    weight_reason: str = ""
    page: str = ""
    campaign_source: str = ""
    campaign_medium: str = ""
    campaign_name: str = ""
    click_id: str = ""
    account: str = ""
    value: float = 0.0
    traits: dict[str, str] = {}
    consent: dict[str, bool] = {}
    person: bytes = b""
    person_key: str = ""


class Outcome(Record, frozen=True, kw_only=True):
    """What a CRM said became of a lead."""

    id: str
    lead_id: str
    kind: OutcomeKind
    occurred_at: float
    received_at: float
    digest: int = 0
    value: float = 0.0
    reason: str = ""


class Link(Record, frozen=True, kw_only=True):
    """Two ids turned out to be one person, as the touchpoint `cause` showed: `lead_id` is to be absorbed by `into`."""

    id: str
    lead_id: str
    into: str
    cause: str
    occurred_at: float
    received_at: float


class Day(Record, frozen=True, kw_only=True):
    """What a lead did on one UTC day (`day` = days since the epoch): human touchpoints by kind."""

    day: int
    counts: dict[str, int]


class Trait(Record, frozen=True, kw_only=True):
    """A non-personal property of a lead and when it was stated; the latest statement wins."""

    value: str
    at: float


class Consent(Record, frozen=True, kw_only=True):
    """Whether a purpose was granted, and when that was stated; the latest statement wins, a tie denies."""

    granted: bool
    at: float


class Visit(Record, frozen=True, kw_only=True):
    """Where a touch came from: the first and the last of a lead are kept."""

    at: float
    source: str
    medium: str
    campaign: str
    click_id: str = ""


class ScoreReason(Record, frozen=True, kw_only=True):
    """One feature's exact share of the score, in log-odds."""

    feature: str
    value: float
    points: float


class Candidate(Record, frozen=True, kw_only=True):
    """An owner who was considered, and why they were passed over ("" = chosen)."""

    owner: str
    excluded: str = ""


class Prediction(Record, frozen=True, kw_only=True):
    """What a label will answer: the features a lead was scored on, the score, the model that gave it, and when."""

    features: dict[str, float]
    score: float
    model_version: int
    scored_at: float


class LeadProfile(Record, frozen=True, kw_only=True):
    """All we know of one lead: the state of `qualify`, and what the serving view shows.

    `seen` holds 12 bytes for each touchpoint applied (8 of its id, 4 of what was counted), newest last.
    `merged_into` names the lead that absorbed this one ("" = none): a forwarding address.
    `led_by` says whose score it is (card, model, or blend), `model_share` the model's part in it, `card_points` the
    total of the scorecard `card`.
    `pending` is what a label was learned on before `questions` were; it is read no more, and not written.
    `erased_at` is when they asked to be forgotten (0 = never): nothing of what happened up to then is here. `known_as`
    names the absorbed leads as whom subscribers have been told of this one.
    """

    lead_id: str
    version: int = 0
    stage: Stage = Stage.ANONYMOUS
    stage_at: float = 0.0
    account: str = ""
    first_seen: float = 0.0
    last_seen: float = 0.0
    touches: int = 0
    days: list[Day] = []
    traits: dict[str, Trait] = {}
    consent: dict[str, Consent] = {}
    first_visit: Visit | None = None
    last_visit: Visit | None = None
    score: float = 0.0
    fit: float = 0.0
    engagement: float = 0.0
    reasons: list[ScoreReason] = []
    model_version: int = 0
    route_seq: int = 0
    destination: str = ""
    owner: str = ""
    rule: str = ""
    candidates: list[Candidate] = []
    routed_at: float = 0.0
    pending: Prediction | None = None
    merged_into: str = ""
    seen: bytes = b""
    person: bytes = b""
    person_key: str = ""
    led_by: str = "model"
    model_share: float = 1.0
    card: str = ""
    card_points: float = 0.0
    erased_at: float = 0.0
    known_as: list[str] = []


class Merge(Record, frozen=True, kw_only=True):
    """An absorbed lead's profile on its way to the lead that absorbs it (`lead_id`)."""

    id: str
    lead_id: str
    absorbed: LeadProfile
    cause: str
    occurred_at: float
    received_at: float


class RoutedLead(Record, frozen=True, kw_only=True):
    """A decision: where a lead goes, to whom, and why. Its times are those of the touchpoint that caused it.

    `propensity` = the chance that it went this way, below 1 where some leads are explored. `challenger` names the
    scorer that did not decide ("" = there is none yet), `challenger_score` what it said.
    `led_by` says whose score it is: that of the scorecard `card` (card), the model's (model), or a blend, in which
    `model_share` is the model's part. `card_points` is the total of the card. `outcome` and `value` are set on
    `leads.conversions` only: what sales said, and what the deal is worth, in the CRM's currency.
    `erased_at` (0 = no erasure): they have asked to be forgotten, and whoever was told of this lead is to forget it as
    well; nothing else is said then.
    """

    decision_id: str
    lead_id: str
    route_seq: int
    account: str
    stage: Stage
    destination: str
    owner: str
    rule: str
    candidates: list[Candidate]
    score: float
    fit: float
    engagement: float
    reasons: list[ScoreReason]
    model_version: int
    cause: str
    occurred_at: float
    received_at: float
    first_visit: Visit | None = None
    last_visit: Visit | None = None
    consent: dict[str, bool] = {}
    person: bytes = b""
    person_key: str = ""
    propensity: float = 1.0
    challenger: str = ""
    challenger_score: float = 0.0
    led_by: str = "model"
    model_share: float = 1.0
    card: str = ""
    card_points: float = 0.0
    erased_at: float = 0.0
    outcome: str = ""
    value: float = 0.0


class DeadLetter(Record, frozen=True, kw_only=True):
    """What could not be used: where it came from, why, and (in `person`) {key: bytes, value: bytes} as they were."""

    id: str
    topic: str
    partition: int
    offset: int
    stage: str
    reason: str
    detail: str
    failed_at: float
    person: bytes = b""
    person_key: str = ""


class PlainEvent(Record, frozen=True, kw_only=True):
    """What a producer of the customer's own may write to `events.*`, in the clear; it becomes a raw event there.

    `type` is a kind of ours or the event's name; `id` and `source` tell it from all others; `occurred_at` 0 = when the
    broker took it; `properties` describe the person (first_name, title, ...).
    """

    id: str
    type: str
    source: str = ""
    occurred_at: float = 0.0
    visitor: str = ""
    user: str = ""
    email: str = ""
    phone: str = ""
    url: str = ""
    value: float = 0.0
    properties: dict[str, str] = {}
    consent: dict[str, bool] = {}


class Visitor(Record, frozen=True, kw_only=True):
    """Whom a visitor turned out to be: the state of `resolve`."""

    visitor_id: str
    lead_id: str
    identified: bool = False
    at: float = 0.0


class Seat(Record, frozen=True, kw_only=True):
    """One owner's place in the rotation: the running weight, and the leads taken on the roster's day."""

    owner: str
    current: int = 0
    taken: int = 0


class Roster(Record, frozen=True, kw_only=True):
    """Whose turn it is, per pool and partition: the second state of `qualify`. `day` = UTC days since the epoch."""

    pool: str
    day: int = 0
    seats: list[Seat] = []


class Tally(Record, frozen=True, kw_only=True):
    """How many records of one minute of arrival met one fate."""

    minute: int
    fate: str
    count: int


class Audit(Record, frozen=True, kw_only=True):
    """What one transaction did with a stretch of input: written in that same transaction, so the sum is exact.

    `leaned_on` = the version of the model that its scores are from; -1 where nothing is scored.
    """

    agent: str
    topic: str
    partition: int
    first_offset: int
    last_offset: int
    tallies: list[Tally]
    leaned_on: int = -1
