"""How leads stand now, as `leads.profiles` has it: asked before a decision from earlier is told to anybody again."""

from collections.abc import Iterable, Mapping

from connectors.reading import everything
from connectors.settings import Connection
from schemas.codec import Codec
from schemas.erased import is_erased
from schemas.records import LeadProfile, RoutedLead
from schemas.registry import open_registry
from schemas.rejected import Rejected
from schemas.topics import LEADS_PROFILES

__all__ = ["erased_since", "returned_since", "standing"]


def standing(settings: Connection, lead_ids: Iterable[str]) -> dict[str, LeadProfile]:
    """Return each lead's row under its id; of one that was absorbed, the row of whoever has absorbed it.

    A lead without a row is left out. The topic is read once, and once more for each link of the longest chain of
    merges. Raises `BrokerUnreachable`.
    """
    into = {lead_id: lead_id for lead_id in lead_ids}  # who is asked for: whose row tells of them
    rows: dict[str, LeadProfile] = {}
    while missing := set(into.values()) - rows.keys():
        rows |= _rows(settings, missing)
        into = {asked: _end(lead_id, rows) for asked, lead_id in into.items() if lead_id in rows}
    return {asked: rows[lead_id] for asked, lead_id in into.items()}


def erased_since(routed: RoutedLead, row: LeadProfile | None) -> bool:
    """Tell whether a decision is of somebody who has been erased since it was made, whether or not they are back."""
    if row is None or not row.erased_at:
        return False
    return is_erased(row) or routed.occurred_at <= row.erased_at or routed.occurred_at < row.first_seen


def returned_since(erasure: RoutedLead, row: LeadProfile | None) -> bool:
    """Tell whether somebody who was erased is back under the same id: to erase them there now would erase the new."""
    return row is not None and row.lead_id == erasure.lead_id and not is_erased(row)


def _end(lead_id: str, rows: Mapping[str, LeadProfile]) -> str:
    while lead_id in rows and rows[lead_id].merged_into:
        lead_id = rows[lead_id].merged_into
    return lead_id


def _rows(settings: Connection, lead_ids: set[str]) -> dict[str, LeadProfile]:
    """Return the newest rows of these leads. One that cannot be read is passed over, as is one that was deleted."""
    wanted = {lead_id.encode() for lead_id in lead_ids}
    newest = {
        message.key(): message.value()
        for message in everything(settings, [LEADS_PROFILES])
        if message.key() in wanted  # all others are not even decoded
    }
    codec = Codec(open_registry(settings.schema_registry_url or None), ["LeadProfile"])
    found: dict[str, LeadProfile] = {}
    for value in newest.values():
        try:
            row = codec.decode(value, (LeadProfile,))
        except Rejected:
            continue
        if isinstance(row, LeadProfile):
            found[row.lead_id] = row
    return found
