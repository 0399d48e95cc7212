"""Events in their senders' own words: Segment's API, Google's lead form, SendGrid's webhook, a CRM's outcome."""

from datetime import UTC, datetime

import msgspec

from streams.demo.people import Person
from streams.demo.sends import Door, Event

SITE = "https://shop.example"
TITLES = {
    "/": "Home",
    "/pricing": "Pricing",
    "/docs": "Docs",
    "/blog": "Blog",
    "/demo": "Demo",
    "/customers": "Customers",
}
Campaign = tuple[str, str, str]


def iso(at: float) -> str:
    """Return a time as its senders write it: ISO 8601, milliseconds, UTC.

    >>> iso(0.5)
    '1970-01-01T00:00:00.500Z'
    """
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def segment(who: Person, at: float, id_: str, kind: str, fields: dict[str, object], *, known: bool) -> Event:
    """Return a web event. It has `timestamp` and no `sentAt`, as in a historical import: its time is not corrected."""
    context: dict[str, object] = {"userAgent": who.agent, "ip": "203.0.113.9", "library": {"name": "leadstream-demo"}}
    if who.consent is not None:
        asked = {"analytics": who.consent, "marketing": who.consent} | ({"contact": True} if who.consent else {})
        context["consent"] = {"categoryPreferences": asked}
    body: dict[str, object] = {"type": kind, "messageId": id_, "anonymousId": who.visitor}
    if known:
        body["userId"] = who.user
    extra = fields.pop("context", {})
    body |= {"timestamp": iso(at), "context": context | (extra if isinstance(extra, dict) else {})} | fields
    return Event(at, Door.SEGMENT, kind, id_, msgspec.json.encode(body), gpc=who.gpc)


def page(
    who: Person, at: float, id_: str, path: str, campaign: Campaign | None = None, *, known: bool = False
) -> Event:
    """Return a page view, with where the visit came from when it is the first of one."""
    url = f"{SITE}{path}"
    context: dict[str, object] = {}
    if campaign is not None:
        source, medium, name = campaign
        url += f"?utm_source={source}&utm_medium={medium}&utm_campaign={name}"
        if source == "google":
            url += f"&gclid=Cj0K-{id_}"
        context = {"campaign": {"source": source, "medium": medium, "name": name}}
    title = TITLES.get(path, path)
    fields: dict[str, object] = {
        "name": title,
        "properties": {"url": url, "path": path, "title": title},
        "context": context,
    }
    return segment(who, at, id_, "page", fields, known=known)


def track(who: Person, at: float, id_: str, event: str) -> Event:
    """Return something that a known visitor did."""
    return segment(who, at, id_, "track", {"event": event, "properties": {}}, known=True)


def identify(who: Person, at: float, id_: str, traits: dict[str, object]) -> Event:
    """Return the moment a visitor says who they are; `traits` besides their e-mail and name."""
    fields: dict[str, object] = {"traits": {"email": who.email, "name": who.name} | traits}
    return segment(who, at, id_, "identify", fields, known=True)


def position(who: Person) -> dict[str, object]:
    """Return the traits of someone who works for a company."""
    firm = who.company
    company = {"name": firm.name, "employee_count": firm.employees, "industry": firm.industry}
    return {"title": who.title, "industry": firm.industry, "company": company}


def group(who: Person, at: float, id_: str) -> Event:
    """Return which company a known visitor belongs to."""
    firm = who.company
    traits = {"name": firm.name, "industry": firm.industry, "employees": firm.employees}
    return segment(who, at, id_, "group", {"groupId": firm.domain, "traits": traits}, known=True)


def lead_form(who: Person, at: float, id_: str, test: bool = False) -> Event:
    """Return a submitted Google lead form; the shared key is the sender's to add."""
    answers = {
        "FULL_NAME": who.name,
        "WORK_EMAIL": who.email,
        "COMPANY_NAME": who.company.name,
        "JOB_TITLE": who.title,
    }
    body = {
        "lead_id": id_,
        "api_version": "1.0",
        "form_id": 900000000123,
        "campaign_id": 700000000456,
        "adgroup_id": 510000000789,
        "creative_id": 610000000012,
        "gcl_id": f"Cj0K-{id_}",
        "is_test": test,
        "lead_submit_time": iso(at),
        "user_column_data": [{"column_id": column, "string_value": value} for column, value in answers.items()],
    }
    return Event(at, Door.GOOGLE, "lead_form", id_, msgspec.json.encode(body))


def mail(who: Person, at: float, id_: str, event: str, message: str, *, machine: bool) -> Event:
    """Return what became of a message: delivered, open, click, unsubscribe. `machine` = no person opened it."""
    body: dict[str, object] = {
        "email": who.email,
        "timestamp": int(at),
        "event": event,
        "sg_event_id": id_,
        "sg_message_id": message,
        "category": ["nurture"],
    }
    if event == "click":
        body["url"] = f"{SITE}/pricing"
    if machine:
        body["sg_machine_open"] = True
    return Event(at, Door.SENDGRID, event, id_, msgspec.json.encode(body))


def outcome(email: str, at: float, id_: str, kind: str, *, value: float = 0.0, reason: str = "") -> Event:
    """Return what a CRM says became of a lead."""
    body: dict[str, object] = {"outcome_id": id_, "email": email, "outcome": kind, "occurred_at": iso(at)}
    if value:
        body["value"] = value
    if reason:
        body["reason"] = reason
    return Event(at, Door.CRM, kind, id_, msgspec.json.encode(body))
