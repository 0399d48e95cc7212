"""What a lead allows: purposes, what may be kept, and who may be contacted. The latest statement wins; a tie denies."""

from collections.abc import Mapping

from msgspec.structs import replace

from schemas.choice import Choice
from schemas.records import Consent, Kind
from schemas.sighting import Campaign, Sighting


class Purpose(Choice):
    """What consent is asked for."""

    STORE = "store"  # keep anything at all
    ANALYTICS = "analytics"  # follow what a visitor does
    ADS = "ads"  # tell advertisers of it
    CONTACT = "contact"  # write or call


PURPOSES = frozenset(Purpose)
STORE, ANALYTICS, ADS, CONTACT = map(str, Purpose)
WITHDRAWALS = frozenset({Kind.UNSUBSCRIBE, Kind.SPAM_REPORT, Kind.ERASURE})


def stated(sighting: Sighting, gpc: bool) -> dict[str, bool]:
    """Return what an event says of our purposes; unsubscribing says "no contact", Global Privacy Control "no ads".

    Other purposes are let go: a sender may name ever new ones, and a profile would grow until no topic takes it.
    Source of the Privacy Control: https://www.w3.org/TR/gpc/.
    """
    consent = {purpose: granted for purpose, granted in sighting.consent.items() if purpose in PURPOSES}
    if gpc:
        consent = {**consent, ADS: False}
    if sighting.kind in WITHDRAWALS:
        consent = {**consent, CONTACT: False}
    return consent


def may_keep(consent: Mapping[str, bool]) -> bool:
    """Tell whether what happened may be kept: nobody said no (silence is the site's to break, not ours)."""
    return consent.get(STORE, True) and consent.get(ANALYTICS, True)


def withdraws(consent: Mapping[str, bool]) -> bool:
    """Tell whether an event takes back the consent to contact: that much must be kept, or we would go on writing."""
    return consent.get(CONTACT) is False


def bare(sighting: Sighting) -> Sighting:
    """Return a sighting that says nothing but who and when, for a withdrawal whose event may not be kept."""
    kind = sighting.kind if sighting.kind in WITHDRAWALS else Kind.OTHER
    return replace(
        sighting,
        kind=kind,
        weight=0.0,
        weight_reason="consent",
        page="",
        campaign=Campaign(),
        value=0.0,
        traits={},
        person={},
    )


def may_contact(consent: Mapping[str, Consent], unless_denied: bool) -> bool:
    """Tell whether a lead may be contacted; `unless_denied` decides when they never said.

    >>> may_contact({}, True), may_contact({"contact": Consent(granted=False, at=1.0)}, True)
    (True, False)
    """
    found = consent.get(CONTACT)
    return unless_denied if found is None else found.granted


def latest(one: Consent, other: Consent) -> Consent:
    """Return the later of two statements, the denial of two at once.

    >>> latest(Consent(granted=True, at=1.0), Consent(granted=False, at=1.0)).granted
    False
    """
    later = other.at > one.at or (other.at == one.at and one.granted and not other.granted)
    return other if later else one
