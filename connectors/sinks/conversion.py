"""What ad platforms may be told of a lead: only with consent, only hashed, each platform's own way of writing it.

A platform accepts any 64 hex digits, so a wrong spelling before the hash is silent: the rules are here, and tested
against known answers.
"""

import re
from collections.abc import Collection
from hashlib import sha256
from typing import NamedTuple

from connectors.sinks.delivery import Parcel, Skipped

__all__ = ["Conversion", "conversion", "email_hash", "google_email_hash", "microsoft_email_hash", "phone_hash"]

HASHED = re.compile(r"[0-9a-f]{64}")
GMAIL = ("gmail.com", "googlemail.com")


class Conversion(NamedTuple):
    """One thing to tell: `name` in the platform's words, when (seconds since the epoch), and under which click id.

    `value` is what a deal is worth, in the CRM's currency; 0 = nobody has said so. `clicked_at` is when the last click
    was, 0 = there is none.
    """

    id: str
    name: str
    at: float
    email: str
    phone: str
    clicks: dict[str, str]
    person: dict[str, str]
    value: float = 0.0
    clicked_at: float = 0.0


def conversion(parcel: Parcel, events: dict[str, str], knows: Collection[str]) -> Conversion | Skipped:
    """Return what a lead's stage means to a platform. `events` gives the stages that it is told of, by its names.

    `knows` = what it knows people by: email, phone, and its own click ids. Silence is no consent: without a granted
    `ads` purpose (Global Privacy Control denies it) nothing is sent.
    """
    routed, person = parcel
    if routed.consent.get("ads") is not True:
        return Skipped("no consent to ads")
    name = events.get(routed.stage.value)
    if name is None:
        return Skipped(f"stage {routed.stage.value} is not told")
    visits = [visit for visit in (routed.first_visit, routed.last_visit) if visit and visit.click_id]
    named = [visit.click_id.partition(":") for visit in visits]
    clicks = {kind: value for kind, _, value in named if value}
    told = {field: str(value) for field, value in person.items() if isinstance(value, str)}
    email, phone = told.get("email", ""), told.get("phone", "")
    if not {*clicks, *(["email"] if email else []), *(["phone"] if phone else [])} & {*knows}:
        return Skipped("nothing that the platform could know the person by")
    at, clicked_at = routed.occurred_at, visits[-1].at if visits else 0.0
    return Conversion(routed.decision_id, name, at, email, phone, clicks, told, routed.value, clicked_at)


def email_hash(email: str) -> str:
    """Return the SHA-256 of an address, trimmed and in small letters; what is hashed already stays as it is.

    >>> email_hash(" Jane.Doe@Example.com ")[:8]
    '86e0b9e5'
    """
    return _hash(_plain(email))


def google_email_hash(email: str) -> str:
    """Return the hash as Google Ads wants it: without the dots in the local part of Gmail addresses.

    https://developers.google.com/google-ads/api/docs/conversions/upload-identifiers

    >>> google_email_hash("j.a.n.e@gmail.com") == email_hash("jane@gmail.com")
    True
    """
    local, at, domain = _plain(email).rpartition("@")
    return _hash(f"{local.replace('.', '') if domain in GMAIL else local}{at}{domain}")


def microsoft_email_hash(email: str) -> str:
    """Return the hash as Microsoft Advertising wants it: of every domain without dots, and without what follows a +.

    https://learn.microsoft.com/en-us/advertising/guides/uet-conversion-api-integration (`userData.em`)

    >>> microsoft_email_hash("Jane.Doe+Shopping@Contoso.com") == email_hash("janedoe@contoso.com")
    True
    """
    local, at, domain = _plain(email).rpartition("@")
    return _hash(f"{local.partition('+')[0].replace('.', '')}{at}{domain}")


def phone_hash(phone: str, plus: bool) -> str:
    """Return the SHA-256 of a number in E.164, with its + (Google, LinkedIn, TikTok) or without (Meta).

    >>> phone_hash("+49 151 12345678", plus=True)[:8], phone_hash("+49 151 12345678", plus=False)[:8]
    ('536afd52', '8efb9640')
    """
    if HASHED.fullmatch(phone.strip().lower()):
        return _hash(phone.strip().lower())
    digits = re.sub(r"\D", "", phone)
    return _hash(f"+{digits}" if plus else digits) if digits else ""


def _plain(email: str) -> str:
    return email.strip().lower()


def _hash(text: str) -> str:
    if not text or HASHED.fullmatch(text):
        return text
    return sha256(text.encode()).hexdigest()
