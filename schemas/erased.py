"""How a lead that has been erased looks: whoever reads profiles asks here."""

from schemas.records import LeadProfile, Touchpoint


def is_erased(profile: LeadProfile) -> bool:
    """Tell whether they have asked to be forgotten, and have allowed nothing since.

    >>> is_erased(LeadProfile(lead_id="e-1")), is_erased(LeadProfile(lead_id="e-1", erased_at=1.0))
    (False, True)
    """
    return profile.erased_at > 0.0 and all(stated.at <= profile.erased_at for stated in profile.consent.values())


def allows_again(touch: Touchpoint, by_device: bool) -> bool:
    """Tell whether somebody who was erased allows something by this. A device does so only for who is known by it.

    A device that was theirs may be another's by now. Who is known by an address or a number has to state it. What
    they did not do themselves, such as a row of a list that is imported again, weighs nothing.
    """
    return touch.weight > 0.0 and (by_device or bool(touch.person)) and any(touch.consent.values())
