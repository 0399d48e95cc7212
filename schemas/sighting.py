"""What an adapter reads out of one raw event: whom it may be about and what happened, before identity is resolved."""

from msgspec import Struct

from schemas.choice import Choice
from schemas.person import Fields
from schemas.records import Channel, Kind, OutcomeKind


class Sign(Choice):
    """What speaks against a person having sent an event. Of these a source may itself see the first two."""

    HONEYPOT = "honeypot"  # a field was filled in that people do not see
    TOO_QUICK = "too_quick"  # the form was sent sooner than anybody fills it in
    CRAWLER = "crawler"  # the browser calls itself one of the known crawlers
    HOSTING = "hosting"  # a browser on a network where servers live, not people
    DISPOSABLE = "disposable"  # an address at a provider of addresses to be thrown away
    MADE_UP = "made_up"  # a name or an address that is a walk over the keyboard, or stands for nobody
    LINKS = "links"  # links where a name belongs, or more of them than a question needs
    VELOCITY = "velocity"  # more forms in an hour than people send


class Identifiers(Struct, frozen=True, kw_only=True):
    """The identifiers an event carries, as sent; normalising and refusing junk is `streams.domain.identity`'s."""

    visitor: str = ""
    user: str = ""
    email: str = ""
    phone: str = ""
    lead: str = ""


class Campaign(Struct, frozen=True, kw_only=True):
    """Where a visit came from: UTM parameters, and the click id as `name:value` (`gclid:Cj0K`)."""

    source: str = ""
    medium: str = ""
    name: str = ""
    click_id: str = ""


class Sighting(Struct, frozen=True, kw_only=True):
    """One event, understood but not yet attributed.

    `id` is the sender's id of the event (the dedupe key of its source). `occurred_at` is what the sender's clock says,
    corrected where the sender gives the means. `outcome` is set on what a CRM says, and `kind` is then CONTACT.
    `test` marks the sender's own test events: acknowledged, never scored or routed. `signs` are what the sender itself
    saw that speaks against a person. `said` is what somebody wrote in words of their own: it is judged, and not kept.
    """

    id: str
    kind: Kind
    channel: Channel
    occurred_at: float
    identifiers: Identifiers
    weight: float = 1.0
    weight_reason: str = ""
    page: str = ""
    campaign: Campaign = Campaign()
    value: float = 0.0
    traits: dict[str, str] = {}
    consent: dict[str, bool] = {}
    person: Fields = {}
    outcome: OutcomeKind | None = None
    reason: str = ""
    test: bool = False
    signs: tuple[Sign, ...] = ()
    said: str = ""
