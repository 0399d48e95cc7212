"""What a list's rows are checked with before they are sent: the pipeline's own rules, and who must not be contacted."""

from collections.abc import Callable, Mapping
from pathlib import Path

from connectors.lists.importing import Suppressed
from connectors.lists.table import Unreadable
from connectors.reading import everything
from connectors.settings import Connection
from connectors.sources import listed
from schemas.codec import Codec
from schemas.records import LeadProfile, RawEvent
from schemas.registry import open_registry
from schemas.rejected import Rejected
from schemas.topics import LEADS_PROFILES
from streams.agents.resolve import read, timed
from streams.domain.consent import may_contact
from streams.domain.identity import Ids, Known, known

__all__ = ["checked", "objectors", "suppressed"]


def checked(pepper: bytes, objected: frozenset[str], wanted_out: frozenset[str]) -> Callable[[RawEvent], None]:
    """Return what raises `Rejected` for a row that could never be used, `Suppressed` for one that must not be.

    `objected` = ids of leads that said no to being contacted; `wanted_out` = addresses and domains.
    """
    ids, adapters = Ids(pepper), {listed.NAME: listed.adapt}

    def check(raw: RawEvent) -> None:
        sighting = timed(read(adapters, raw), raw.received_at)
        who = known(sighting.identifiers)
        if {ids.person(who), ids.user(who), ids.desk(who), who.lead} & objected:
            raise Suppressed("they do not want to be contacted")
        if _named(who) & wanted_out:
            raise Suppressed("on the list of --suppress")

    return check


def _named(who: Known) -> set[str]:
    """Return an address and its domains, as suppression lists write them."""
    address = who.email or who.mailbox
    labels = address.rpartition("@")[2].split(".") if address else []
    return {address, *(".".join(labels[at:]) for at in range(len(labels)))} - {""}


def objectors(settings: Connection) -> frozenset[str]:
    """Return the ids of the leads that do not want to be contacted, as they are now; of those they absorbed, too.

    Raises `BrokerUnreachable`.
    """
    codec = Codec(open_registry(settings.schema_registry_url or None), ["LeadProfile"])
    found: set[str] = set()
    into: dict[str, str] = {}
    for message in everything(settings, [LEADS_PROFILES]):
        lead_id = (message.key() or b"").decode(errors="replace")
        try:
            profile = codec.decode(message.value(), (LeadProfile,)) if message.value() else None
        except Rejected:
            continue
        into[lead_id] = profile.merged_into if isinstance(profile, LeadProfile) else ""
        if isinstance(profile, LeadProfile) and not may_contact(profile.consent, unless_denied=True):
            found.add(lead_id)
        else:
            found.discard(lead_id)
    return frozenset(found | {lead_id for lead_id in into if _end(lead_id, into) in found})


def _end(lead_id: str, into: Mapping[str, str]) -> str:
    """Return who a lead is by now, after all merges."""
    while further := into.get(lead_id):
        lead_id = further
    return lead_id


def suppressed(path: Path | None) -> frozenset[str]:
    """Return the addresses and domains in a file, one a line. Raises `Unreadable`."""
    if path is None:
        return frozenset()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"--suppress {path} cannot be read ({type(error).__name__})") from None
    return frozenset(line.strip().lower().removeprefix("@") for line in lines if line.strip())
