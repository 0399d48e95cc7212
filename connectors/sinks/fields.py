"""What a CRM's fields are filled with: one flat mapping of a decision, and the operator's choice of names."""

from collections.abc import Mapping

from schemas.person import Fields
from schemas.records import RoutedLead

__all__ = ["NAMES", "Value", "email", "filled", "flat", "known"]

Value = str | int | float
REASONS = 3
PERSONAL = ("email", "phone", "first_name", "last_name", "name", "company", "website", "title")
NAMES = (
    *PERSONAL, "lead_id", "decision_id", "account", "stage", "destination", "owner", "rule", "score", "score_percent",
    "reasons", "source", "medium", "campaign", "organisation",
)  # fmt: skip


def flat(routed: RoutedLead, person: Fields) -> dict[str, Value]:
    """Return everything a CRM's field may be filled with, by our names; what is not known is not there.

    `organisation` is the company's name, else its domain; a last name that nobody stated is the last word of the name.
    """
    name = str(person.get("name", "")).split()
    reasons = "; ".join(f"{one.feature} {one.points:+.2f}" for one in routed.reasons[:REASONS])
    visit = routed.last_visit
    found: dict[str, Value] = {
        "last_name": name[-1] if name else "",
        "first_name": " ".join(name[:-1]),
        **{field: str(person[field]) for field in PERSONAL if person.get(field)},
        "lead_id": routed.lead_id,
        "decision_id": routed.decision_id,
        "account": routed.account,
        "stage": routed.stage.value,
        "destination": routed.destination,
        "owner": routed.owner,
        "rule": routed.rule,
        "score": round(routed.score, 4),
        "score_percent": round(100 * routed.score),
        "reasons": reasons,
        "source": visit.source if visit else "",
        "medium": visit.medium if visit else "",
        "campaign": visit.campaign if visit else "",
        "organisation": str(person.get("company") or routed.account),
    }
    return {field: value for field, value in found.items() if value != ""}


def filled(names: Mapping[str, str], known: Mapping[str, Value]) -> dict[str, Value]:
    """Return the CRM's fields that can be filled. `names` maps each to one of ours; `=text` is that text.

    >>> filled({"Email": "email", "Status": "=Open", "Phone": "phone"}, {"email": "jane@example.com"})
    {'Email': 'jane@example.com', 'Status': 'Open'}
    """
    found: dict[str, Value] = {}
    for field, name in names.items():
        if name.startswith("="):
            found[field] = name[1:]
        elif name in known:
            found[field] = known[name]
    return found


def known(names: dict[str, str]) -> dict[str, str]:
    """Return the mapping; a pydantic validator. Raises `ValueError` when it asks for what we do not have."""
    odd = sorted({name for name in names.values() if not name.startswith("=") and name not in NAMES})
    if odd:
        raise ValueError(f"{', '.join(odd)} is none of ours: {', '.join(NAMES)}; a fixed text is written =text")
    return names


def email(person: Fields) -> str:
    """Return the lead's e-mail address, "" when it has none."""
    return str(person.get("email", "")).strip().lower()
