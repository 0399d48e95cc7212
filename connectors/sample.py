"""A made-up decision, marked as a test, for trying a destination out."""

from connectors.sinks.delivery import Parcel
from schemas.records import RoutedLead, ScoreReason, Stage

__all__ = ["MARK", "sample"]

MARK = "leadstream-test"


def sample(now: float, stage: Stage = Stage.MQL) -> Parcel:
    """Return a decision about nobody, made now (seconds since the epoch): `rule` and names say that it is a test.

    Nobody consents to everything, so that an ad platform is told, too.
    """
    routed = RoutedLead(
        decision_id=f"{MARK}-{int(now * 1000)}",
        lead_id=MARK,
        route_seq=1,
        account="example.com",
        stage=stage,
        destination="sales",
        owner=MARK,
        rule=MARK,
        candidates=[],
        score=0.5,
        fit=0.5,
        engagement=0.5,
        reasons=[ScoreReason(feature="pricing_views_7d", value=1.0, points=0.5)],
        model_version=0,
        consent={"contact": True, "ads": True},
        cause=MARK,
        occurred_at=now,
        received_at=now,
    )
    person: dict[str, object] = {
        "email": "test@example.com",
        "first_name": "Leadstream",
        "last_name": "Test",
        "company": "Leadstream Test",
    }
    return Parcel(routed, person)
