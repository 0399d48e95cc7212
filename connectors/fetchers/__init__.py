"""What fetches the events that notices only tell of, one file for each platform, listed in `FETCHERS` by source."""

from connectors.fetchers.contract import Fetcher, Found, Gone
from connectors.fetchers.hubspot import HubSpotFetcher
from connectors.fetchers.linkedin_ads import LinkedInFetcher
from connectors.fetchers.meta_ads import MetaFetcher
from connectors.fetchers.salesforce import SalesforceFetcher
from connectors.fetchers.ses import SnsConfirmer

__all__ = ["FETCHERS", "Fetcher", "Found", "Gone"]

FETCHERS: dict[str, type[Fetcher]] = {
    "meta_ads": MetaFetcher,
    "linkedin_ads": LinkedInFetcher,
    "hubspot": HubSpotFetcher,
    "salesforce": SalesforceFetcher,
    "ses": SnsConfirmer,
}
