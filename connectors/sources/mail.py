"""What all senders of e-mail events share: what an event means, and which are not a person's doing.

What machines do is kept with weight 0, and the reason beside it. Opens are fetched by mailbox providers' proxies and by
Apple's privacy protection; links are tried by security scanners, at once after delivery.
"""

from connectors.sources.reading import filled, landing, open_raw, text, truncated
from schemas.keys import rank
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting

TRANSPORT = frozenset({Kind.EMAIL_DELIVERED, Kind.EMAIL_BOUNCE, Kind.OTHER})
WITHDRAWN = (Kind.UNSUBSCRIBE, Kind.SPAM_REPORT)
PROXIES = ("googleimageproxy", "ggpht.com", "yahoomailproxy")
SCANNERS = (
    *("barracuda", "proofpoint", "mimecast", "bingpreview", "safelinks", "trendmicro", "symantec", "fortiguard"),
    *("python-requests", "python-urllib", "curl/", "wget/", "go-http-client", "headlesschrome"),
)
AT_ONCE_S = 2.0


def suspicion(kind: Kind, agent: str = "", *, machine: bool = False, after_s: float = float("inf")) -> str:
    """Return why an event is not a person's doing, "" when it may be.

    `machine` = the sender says so; `after_s` = seconds since the delivery, where it says when that was.

    >>> suspicion(Kind.EMAIL_OPEN, "Mozilla/5.0 (via ggpht.com GoogleImageProxy)")
    'image proxy'
    >>> suspicion(Kind.EMAIL_CLICK, after_s=0.5), suspicion(Kind.EMAIL_CLICK, after_s=60.0)
    ('scanner click', '')
    """
    if kind in TRANSPORT:
        return "mail transport"
    agent = agent.lower()
    if kind is Kind.EMAIL_OPEN:
        if machine:
            return "machine open"
        return "image proxy" if any(proxy in agent for proxy in PROXIES) else ""
    if kind is Kind.EMAIL_CLICK:
        seen = machine or 0.0 <= after_s < AT_ONCE_S or any(scanner in agent for scanner in SCANNERS)
        return "scanner click" if seen else ""
    return ""


def mail_event(
    raw: RawEvent,
    *,
    kind: Kind,
    at: float,
    email: str,
    lead: object = None,
    link: str = "",
    mailing: object = "",
    agent: str = "",
    ip: str = "",
    machine: bool = False,
    after_s: float = float("inf"),
) -> Sighting:
    """Return what an e-mail event says.

    `lead` is taken when it is an id of ours: customers' own fields may have that name too. Raises
    `Rejected(MISSING_ID)` when nobody can tell whom it is about.
    """
    email, lead_id = text(email), text(lead)
    lead_id = lead_id if rank(lead_id) >= 0 else ""
    if not (email or lead_id):
        raise Rejected(Reason.MISSING_ID, "email")
    page, linked = landing(link)
    why = suspicion(kind, agent, machine=machine, after_s=after_s)
    return Sighting(
        id=raw.event_id,
        kind=kind,
        channel=Channel.EMAIL,
        occurred_at=at,
        identifiers=Identifiers(email=email, lead=lead_id),
        weight=0.0 if why else 1.0,
        weight_reason=why,
        page=page,
        campaign=Campaign(
            source=linked.source or raw.source,
            medium=linked.medium or "email",
            name=linked.name or text(mailing),
            click_id=linked.click_id,
        ),
        consent={"contact": False} if kind in WITHDRAWN else {},
        person={**filled({"email": email, "ip": truncated(ip), "user_agent": text(agent)})},
    )


def kind_of(kinds: dict[str, Kind], name: str) -> Kind:
    """Return what the sender's name of an event means. Raises `Rejected(UNKNOWN_TYPE)`."""
    try:
        return kinds[name]
    except KeyError:
        raise Rejected(Reason.UNKNOWN_TYPE, "the sender has no such event, or we do not know it") from None


def body_of(raw: RawEvent) -> bytes:
    """Return the sender's bytes. Raises `Rejected`."""
    return open_raw(raw)[0]
