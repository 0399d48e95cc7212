"""Event sources, one file each. To add one: write a class as `contract.py` has it, and list it in `SOURCES`."""

from connectors.sources.brevo import Brevo
from connectors.sources.calendly import Calendly
from connectors.sources.canary import Canary
from connectors.sources.contract import Asked, Door, Keyed, Part, Pixel, Refused, Reply, Request, Source, Thankful
from connectors.sources.crm import Crm
from connectors.sources.ga4 import Ga4
from connectors.sources.google_ads import GoogleAds
from connectors.sources.hubspot import HubSpot
from connectors.sources.linkedin_ads import LinkedInAds
from connectors.sources.mailgun import Mailgun
from connectors.sources.mapped import Mapped
from connectors.sources.meta_ads import MetaAds
from connectors.sources.postmark import Postmark
from connectors.sources.salesforce import Salesforce
from connectors.sources.segment import Segment
from connectors.sources.sendgrid import SendGrid
from connectors.sources.ses import Ses
from connectors.sources.snowplow import Snowplow
from connectors.sources.typeform import Typeform

__all__ = ["SOURCES", "Asked", "Door", "Keyed", "Part", "Pixel", "Refused", "Reply", "Request", "Source", "Thankful"]

SOURCES: dict[str, type[Source]] = {
    "segment": Segment,
    "snowplow": Snowplow,
    "ga4": Ga4,
    "google_ads": GoogleAds,
    "meta_ads": MetaAds,
    "linkedin_ads": LinkedInAds,
    "mapped": Mapped,
    "typeform": Typeform,
    "calendly": Calendly,
    "sendgrid": SendGrid,
    "mailgun": Mailgun,
    "postmark": Postmark,
    "ses": Ses,
    "brevo": Brevo,
    "crm": Crm,
    "canary": Canary,
    "hubspot": HubSpot,
    "salesforce": Salesforce,
}
