"""The ways out: one module for each kind of destination, all of them in `SINKS`."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import BaseModel

from connectors.egress.guard import Guard
from connectors.sinks import (
    google_conversions,
    hubspot,
    linkedin_conversions,
    memory,
    meta_conversions,
    microsoft_conversions,
    pipedrive,
    salesforce,
    tiktok_conversions,
    webhook,
    zoho,
)
from connectors.sinks.delivery import Sink
from schemas.topics import LEADS_CONVERSIONS, LEADS_ROUTED, Topic

__all__ = ["SINKS", "Kind"]


class Kind(NamedTuple):
    """A kind of destination: what the destinations file tells it, how it is opened, and which topic it is told of."""

    options: type[BaseModel]
    open: Callable[[Any, Guard], Sink]
    topic: Topic = LEADS_ROUTED


SINKS: dict[str, Kind] = {
    "webhook": Kind(webhook.Options, webhook.open_sink),
    "hubspot": Kind(hubspot.Options, hubspot.open_sink),
    "salesforce": Kind(salesforce.Options, salesforce.open_sink),
    "pipedrive": Kind(pipedrive.Options, pipedrive.open_sink),
    "zoho": Kind(zoho.Options, zoho.open_sink),
    "google_conversions": Kind(google_conversions.Options, google_conversions.open_sink, LEADS_CONVERSIONS),
    "meta_conversions": Kind(meta_conversions.Options, meta_conversions.open_sink, LEADS_CONVERSIONS),
    "linkedin_conversions": Kind(linkedin_conversions.Options, linkedin_conversions.open_sink, LEADS_CONVERSIONS),
    "tiktok_conversions": Kind(tiktok_conversions.Options, tiktok_conversions.open_sink, LEADS_CONVERSIONS),
    "microsoft_conversions": Kind(microsoft_conversions.Options, microsoft_conversions.open_sink, LEADS_CONVERSIONS),
    "memory": Kind(memory.Options, memory.open_sink),
}
