"""What a status means for the leads of a request, where nothing more is said of them."""

from connectors.egress.http import Answer
from connectors.sinks.delivery import Delivery, Refusal, Refused, Retry

__all__ = ["LATER", "OURS", "api_verdict", "unclear"]

LATER = (408, 409, 423, 425, 429)  # of the 4xx, these say nothing about the lead
OURS = (401, 402, 403, 404, 405, 407, 410, 426, 477)  # of our credentials, account, URL; 477: HubSpot moves it


def api_verdict(answer: Answer) -> Delivery | None:
    """Return what a status means for all leads of a request to a CRM's API; None of a 2xx, which says more inside.

    What is wrong with our credentials or our URL is no lead's fault: it is tried again until somebody has mended it.
    """
    if 200 <= answer.status < 300:
        return None
    if 400 <= answer.status < 500 and answer.status not in (*LATER, *OURS):
        return Refused(Refusal.REJECTED, f"HTTP {answer.status}")
    return Retry(answer.after_s, f"HTTP {answer.status}")


def unclear(who: str, *, alone: bool = False) -> Retry:
    """Return what comes of an answer that is not as documented: a proxy's page, half a body, another version's.

    It says neither that a lead was taken nor that it never will be.
    """
    return Retry(None, f"{who}'s answer is not understood", alone)
