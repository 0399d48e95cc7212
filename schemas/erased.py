"""How a lead that has been erased looks: whoever reads profiles asks here."""

from schemas.records import LeadProfile


def is_erased(profile: LeadProfile) -> bool:
    """Tell whether they have asked to be forgotten, and have allowed nothing since.

    >>> is_erased(LeadProfile(lead_id="e-1")), is_erased(LeadProfile(lead_id="e-1", erased_at=1.0))
    (False, True)
    """
    return profile.erased_at > 0.0 and all(stated.at <= profile.erased_at for stated in profile.consent.values())
