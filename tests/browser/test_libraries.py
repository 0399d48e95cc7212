"""Segment's and Snowplow's own libraries in a real Chromium, unmodified: only the host is ours."""

from typing import Any

import pytest

from connectors.settings import CollectorSettings
from connectors.sources import SOURCES
from schemas.records import Kind, RawEvent
from schemas.sighting import Sighting
from schemas.topics import EVENTS_WEB
from streams.runtime.handle import BrokerHandle
from tests.collecting import Collecting, collecting
from tests.contract.sources.senders import WRITE_KEY, settings
from tests.packages import packages
from tests.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(240)]
LANDING = "/pricing?utm_source=li&utm_medium=cpc"
SEGMENT = """<!doctype html><title>Pricing</title>
<script src="/files/@segment/analytics-next/dist/umd/index.js"></script>
<script>
const key = "{key}", host = "{host}";
const settings = {{writeKey: key, cdnSettings: {{integrations: {{"Segment.io": {{apiKey: key}}}}}}}};
const sent = {{apiHost: host + "/v1", protocol: "http", deliveryStrategy: {strategy}}};
window.analytics = AnalyticsNext.AnalyticsBrowser.load(settings, {{integrations: {{"Segment.io": sent}}}});
analytics.page();
</script>"""
SNOWPLOW = """<!doctype html><title>Pricing</title>
<script src="/files/@snowplow/browser-tracker/dist/index.umd.min.js"></script>
<script>
const snowplow = snowplowBrowserTracking;
snowplow.newTracker("sp", "{host}", {{appId: "shop", eventMethod: "{method}"}});
snowplow.trackPageView();
</script>"""
FORM = "iglu:com.snowplowanalytics.snowplow/submit_form/jsonschema/1-0-0"
SUBMIT = f"""snowplow.setUserId("u-1"); snowplow.trackSelfDescribingEvent({{event: {{schema: "{FORM}", data:
{{formId: "demo", elements: [{{name: "email", value: "jane@example.com", nodeName: "INPUT"}}]}}}}}})"""


@pytest.fixture
def site(site: Site) -> Site:
    """A site that has the libraries."""
    site.files = packages() / "node_modules"
    return site


def asked(broker: BrokerHandle, site: Site, port: str = "0") -> CollectorSettings:
    return settings(
        KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap, LEADSTREAM_COLLECTOR_PORT=port, LEADSTREAM_CORS_ORIGINS=site.url
    )


def sightings(collector: Collecting, page: Any, source: str, count: int) -> list[Sighting]:
    """What the stored events say, once there are `count` of them; none comes twice."""
    stored: list[RawEvent] = []
    for _ in range(150):
        stored = [raw for _, raw in collector.stored(EVENTS_WEB)]
        if len(stored) >= count:
            assert {raw.source for raw in stored} == {source}
            assert len({raw.event_id for raw in stored}) == len(stored) == count
            return [SOURCES[source].adapt(raw) for raw in stored]
        page.wait_for_timeout(100)
    raise AssertionError(f"{len(stored)} of {count} events have arrived")


@pytest.mark.parametrize(
    "strategy", ["undefined", '{strategy: "batching", config: {size: 4, timeout: 500}}'], ids=["each", "batches"]
)
def test_segments_library_sends_and_each_call_arrives_once(
    broker: BrokerHandle, site: Site, page: Any, strategy: str
) -> None:
    with collecting(asked(broker, site)) as collector:
        site.html = SEGMENT.format(key=WRITE_KEY, host=collector.url.removeprefix("http://"), strategy=strategy)
        page.goto(site.url + LANDING)
        page.evaluate("analytics.identify('u-1', {email: 'jane@example.com', company: {name: 'Example GmbH'}})")
        page.evaluate("analytics.track('Demo Requested', {plan: 'team'})")
        page.evaluate("analytics.group('g-1', {name: 'Example GmbH'})")
        found = sightings(collector, page, "segment", 4)
        assert {it.kind for it in found} >= {Kind.PRICING, Kind.DEMO_REQUEST}
        assert len({it.identifiers.visitor for it in found}) == 1
        assert {it.identifiers.user for it in found} == {"", "u-1"}
        assert {it.identifiers.email for it in found} >= {"jane@example.com"}
        [viewed] = [it for it in found if it.kind is Kind.PRICING]
        assert (viewed.campaign.source, viewed.campaign.medium) == ("li", "cpc")


def test_what_segments_library_keeps_while_the_collector_is_down_arrives_once_when_it_is_back(
    broker: BrokerHandle, site: Site, page: Any
) -> None:
    with collecting(asked(broker, site)) as collector:
        site.html = SEGMENT.format(key=WRITE_KEY, host=collector.url.removeprefix("http://"), strategy="undefined")
        page.goto(site.url + LANDING)
        sightings(collector, page, "segment", 1)
        before, port = collector.from_now_on(), collector.url.rpartition(":")[2]
    page.evaluate("analytics.track('Demo Requested')")
    page.wait_for_timeout(500)
    with collecting(asked(broker, site, port)):
        [kept] = sightings(before, page, "segment", 1)
        assert kept.kind is Kind.DEMO_REQUEST


@pytest.mark.parametrize("method", ["post", "get", "beacon"])
def test_snowplows_tracker_sends_and_each_event_arrives_once(
    broker: BrokerHandle, site: Site, page: Any, method: str
) -> None:
    with collecting(asked(broker, site)) as collector:
        site.html = SNOWPLOW.format(host=collector.url, method=method)
        page.goto(site.url + LANDING)
        page.evaluate(SUBMIT)
        found = sightings(collector, page, "snowplow", 2)
        assert len({it.identifiers.visitor for it in found}) == 1
        [viewed] = [it for it in found if it.kind is Kind.PRICING]
        assert viewed.campaign.source == "li"
        [form] = [it for it in found if it is not viewed]
        assert (form.identifiers.user, form.identifiers.email) == ("u-1", "jane@example.com")
