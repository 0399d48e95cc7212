"""Event sources, one file each. To add one: write a class as `contract.py` has it, and list it in `SOURCES`."""

from connectors.sources.contract import Asked, Part, Refused, Reply, Request, Source
from connectors.sources.crm import Crm
from connectors.sources.google_ads import GoogleAds
from connectors.sources.segment import Segment
from connectors.sources.sendgrid import SendGrid

__all__ = ["SOURCES", "Asked", "Part", "Refused", "Reply", "Request", "Source"]

SOURCES: dict[str, type[Source]] = {
    "segment": Segment,
    "google_ads": GoogleAds,
    "sendgrid": SendGrid,
    "crm": Crm,
}
