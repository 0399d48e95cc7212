"""The body of a webhook: `lead.routed`, with as much of the decision as is not too large, or `lead.erased`."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from schemas.person import Fields
from schemas.records import RoutedLead

__all__ = ["LARGEST", "payload"]

LARGEST = 20_000  # Standard Webhooks advises receivers to expect no more
LEAN_REASONS = 5
LEAN_VALUE = 256
SEALED = ("person", "person_key")

Body = dict[str, object]


def payload(routed: RoutedLead, person: Fields) -> bytes:
    """Return the JSON body, below 20 kB: the first of `FORMS` that fits. The same decision gives the same bytes."""
    body, kind = b"", "lead.erased" if routed.erased_at else "lead.routed"
    for form in (bare,) if routed.erased_at else FORMS:
        envelope = {"type": kind, "timestamp": _iso(routed.occurred_at), "data": form(routed, person)}
        body = msgspec.json.encode(envelope)
        if len(body) < LARGEST:
            return body
    return body


def full(routed: RoutedLead, person: Fields) -> Body:
    """Everything the decision says, with the personal fields in the clear."""
    fields: Body = msgspec.to_builtins(routed)
    return {name: value for name, value in fields.items() if name not in SEALED} | {"person": person}


def lean(routed: RoutedLead, person: Fields) -> Body:
    """Without the owners passed over, with the first reasons and the short personal fields only."""
    body = full(routed, {name: value for name, value in person.items() if len(str(value)) <= LEAN_VALUE})
    return body | {"candidates": [], "reasons": msgspec.to_builtins(routed.reasons[:LEAN_REASONS]), "truncated": True}


def thin(routed: RoutedLead, person: Fields) -> Body:  # noqa: ARG001 - a form takes both
    """The decision alone: whoever wants more asks for the lead by its id."""
    names = ("decision_id", "lead_id", "route_seq", "stage", "destination", "owner", "rule", "score")
    return {name: getattr(routed, name) for name in names} | {"truncated": True}


def bare(routed: RoutedLead, person: Fields) -> Body:  # noqa: ARG001 - a form takes both
    """Which lead is to be forgotten, as of when: there is nothing else."""
    return {name: getattr(routed, name) for name in ("decision_id", "lead_id", "route_seq", "erased_at")}


FORMS: tuple[Callable[[RoutedLead, Fields], Body], ...] = (full, lean, thin)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
