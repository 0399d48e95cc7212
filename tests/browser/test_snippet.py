"""The snippet in a real Chromium, against a collector that really listens and a page on an origin of its own."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from connectors.settings import CollectorSettings
from connectors.sources.segment_event import QUICKEST_MS
from connectors.visitor import NAME
from schemas.records import RoutedLead
from schemas.topics import EVENTS_WEB
from streams.engine.fold import Fold
from streams.runtime.handle import BrokerHandle
from tests.collecting import Collecting, collecting
from tests.contract.sources.senders import WRITE_KEY, settings
from tests.site import Site
from tests.traffic import PEPPER
from tests.worker import pipeline

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(240)]

PAGE = """<!doctype html><title>Pricing</title>
<script>{before}</script>
<script src="{collector}/leadstream.js" data-key="{key}" {also}></script>
<form id="contact" data-leadstream="Demo Requested" onsubmit="event.preventDefault()">
<input type="email" name="mail"><input autocomplete="organization" name="org">
<input type="password" name="secret"><input data-leadstream-trap name="website" style="display:none">
<button>Send</button></form>"""
LANDING = "/pricing?utm_source=google&utm_medium=cpc&utm_campaign=brand&gclid=Cj0K"
GPC = "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})"


def over(broker: BrokerHandle, site: Site, port: str = "0") -> CollectorSettings:
    return settings(
        KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap,
        LEADSTREAM_COLLECTOR_PORT=port,
        LEADSTREAM_CORS_ORIGINS=site.url,
        LEADSTREAM_PEPPER=PEPPER.decode(),
    )


@contextmanager
def opened(broker: BrokerHandle, site: Site, also: str = "", before: str = "") -> Iterator[Collecting]:
    """A collector, and a site whose pages load the snippet from it."""
    with collecting(over(broker, site)) as collector:
        site.html = PAGE.format(collector=collector.url, key=WRITE_KEY, also=also, before=before)
        yield collector


KINDS = ("page", "track", "identify")


def events(collector: Collecting, page: Any, count: int) -> list[dict[str, Any]]:
    """Return the stored events once there are `count` of them, in the order in which they happened.

    Their ids tell the millisecond; in one and the same, they are listed as a page, a form, a person. What a page has on
    its way when it is left comes once more from the next one: it counts once, as it does in the fold.
    """
    found: dict[str, dict[str, Any]] = {}
    for _ in range(100):
        told = [json.loads(body) for body in collector.bodies(EVENTS_WEB)]
        found = {event["messageId"]: event for event in told}
        if len(found) >= count:
            return sorted(found.values(), key=lambda event: (event["messageId"][:13], KINDS.index(event["type"])))
        page.wait_for_timeout(100)
    raise AssertionError(f"{len(found)} of {count} events have arrived")


def submit(page: Any, email: str = "jane@example.com") -> None:
    page.fill("[name=mail]", email)
    page.fill("[name=org]", "Example GmbH")
    page.fill("[name=secret]", "hunter2")
    page.click("button")


def test_a_page_a_form_and_who_sent_it_arrive_with_where_they_came_from(
    broker: BrokerHandle, site: Site, page: Any
) -> None:
    with opened(broker, site) as collector:
        page.goto(site.url + LANDING)
        page.goto(site.url + "/contact")
        submit(page)
        seen, contact, form, identify = events(collector, page, 4)
        assert [event["type"] for event in (seen, contact, form, identify)] == ["page", "page", "track", "identify"]
        assert len({event["anonymousId"] for event in (seen, contact, form, identify)}) == 1
        assert seen["context"]["campaign"]["clickIds"] == {"gclid": "Cj0K"}
        assert form["event"] == "Demo Requested"
        assert identify["traits"] == {"email": "jane@example.com", "company": "Example GmbH"}
        assert form["context"]["touch"]["first"]["source"] == "google"
        assert "hunter2" not in json.dumps([form, identify])
        [cookie] = [cookie for cookie in page.context.cookies(collector.url) if cookie["name"] == NAME]
        assert (cookie["value"], cookie["httpOnly"], cookie["secure"]) == (seen["anonymousId"], True, True)


def test_a_visitor_who_asks_for_a_demo_becomes_a_routed_lead(broker: BrokerHandle, site: Site, page: Any) -> None:
    with opened(broker, site) as collector:
        page.goto(site.url + LANDING)
        page.wait_for_timeout(QUICKEST_MS)
        submit(page)
        events(collector, page, 3)
        stored = [raw for _, raw in collector.stored(EVENTS_WEB)]
    resolve, qualify = (Fold(agent) for agent in pipeline()[:2])
    emitted = [emit for raw in stored for emit in resolve.apply(0, raw)]
    decisions = [one.record for emit in emitted for one in qualify.apply(0, emit.record)]
    last = [one for one in decisions if isinstance(one, RoutedLead)][-1]
    assert resolve.fates == Counter({"touchpoint": 3})
    assert (last.lead_id[:2], last.rule, last.last_visit and last.last_visit.source) == ("e-", "otherwise", "google")
    assert any("demo" in reason.feature for reason in last.reasons)


def test_the_id_outlives_what_scripts_store(broker: BrokerHandle, site: Site, page: Any) -> None:
    with opened(broker, site) as collector:
        page.goto(site.url)
        [first] = events(collector, page, 1)
        page.evaluate("localStorage.clear()")
        page.goto(site.url)
        assert [event["anonymousId"] for event in events(collector, page, 2)] == [first["anonymousId"]] * 2


def test_with_privacy_control_on_nothing_is_kept_in_the_browser_and_no_click_id_leaves_it(
    broker: BrokerHandle, site: Site, page: Any
) -> None:
    page.add_init_script(GPC)
    with opened(broker, site) as collector:
        page.goto(site.url + LANDING)
        submit(page)
        told = events(collector, page, 3)
        assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
        assert page.context.cookies() == []
        assert "Cj0K" not in json.dumps(told)
        assert {event["context"]["consent"]["categoryPreferences"]["advertising"] for event in told} == {False}


def test_nothing_is_sent_or_written_before_consent_and_all_of_it_after(
    broker: BrokerHandle, site: Site, page: Any
) -> None:
    with opened(
        broker, site, also="data-consent='ask'", before="function ask(decide) { window.decide = decide; }"
    ) as collector:
        page.goto(site.url + LANDING)
        submit(page)
        page.wait_for_timeout(300)
        assert page.evaluate("localStorage.length") == 0
        assert collector.bodies(EVENTS_WEB) == []
        page.evaluate("decide({storage: true, analytics: true, advertising: false})")
        kinds = [event["type"] for event in events(collector, page, 3)]
        assert kinds == ["page", "track", "identify"]
        page.evaluate("leadstream.consent({storage: false, analytics: false})")
        assert page.evaluate("localStorage.length") == 0
        page.evaluate("leadstream.track('After')")
        page.wait_for_timeout(300)
        assert len(collector.bodies(EVENTS_WEB)) == 3


ASKED = {"also": "data-consent='ask'", "before": "function ask(decide) { window.decide = decide; }"}


def test_who_says_no_on_a_later_visit_leaves_nothing_behind(broker: BrokerHandle, site: Site, page: Any) -> None:
    with opened(broker, site, **ASKED) as collector:
        page.goto(site.url + LANDING)
        page.evaluate("decide({storage: true, advertising: true})")
        events(collector, page, 1)
        assert page.evaluate("localStorage.length") > 0
        page.goto(site.url)
        page.evaluate("decide({storage: false, analytics: false})")
        assert page.evaluate("localStorage.length") == 0


def test_who_turns_privacy_control_on_leaves_nothing_behind(broker: BrokerHandle, site: Site, page: Any) -> None:
    with opened(broker, site) as collector:
        page.goto(site.url + LANDING)
        [first] = events(collector, page, 1)
        page.add_init_script(GPC)
        page.goto(site.url)
        assert page.evaluate("localStorage.length") == 0
        assert events(collector, page, 2)[1]["anonymousId"] != first["anonymousId"]


@pytest.mark.parametrize("status", [408, 429, 503])
def test_what_is_to_come_later_is_sent_later(broker: BrokerHandle, site: Site, page: Any, status: int) -> None:
    refusals = [status]

    def refuse_once(route: Any) -> None:
        if refusals:
            origin = {"access-control-allow-origin": site.url, "access-control-allow-credentials": "true"}
            route.fulfill(status=refusals.pop(), headers=origin)
        else:
            route.continue_()

    with opened(broker, site) as collector:
        page.route("**/v1/batch", refuse_once)
        page.goto(site.url)
        assert [event["type"] for event in events(collector, page, 1)] == ["page"]
        assert not refusals


def test_what_happens_while_the_collector_is_down_arrives_once_when_it_is_back(
    broker: BrokerHandle, site: Site, page: Any
) -> None:
    with opened(broker, site) as collector:
        page.goto(site.url)
        events(collector, page, 1)
        before = collector.from_now_on()
        port = collector.url.rpartition(":")[2]
    submit(page)
    page.wait_for_function("JSON.parse(localStorage.ls_queue).length === 2")
    with collecting(over(broker, site, port)):
        page.evaluate("dispatchEvent(new Event('online'))")
        told = events(before, page, 2)
        assert [event["type"] for event in told] == ["track", "identify"]
        page.wait_for_function("JSON.parse(localStorage.ls_queue).length === 0")


def test_a_page_that_is_left_at_once_still_tells(broker: BrokerHandle, site: Site, page: Any) -> None:
    with opened(broker, site) as collector:
        page.goto(site.url)
        events(collector, page, 1)
        page.evaluate("leadstream.track('Last words'); location.href = 'about:blank'")
        assert events(collector, page, 2)[1]["event"] == "Last words"


def test_a_trap_and_haste_are_told_of_and_nobody_is_identified(broker: BrokerHandle, site: Site, page: Any) -> None:
    with opened(broker, site) as collector:
        page.goto(site.url)
        page.evaluate("document.querySelector('[name=website]').value = 'https://spam.example'")
        submit(page)
        _, form = events(collector, page, 2)
        assert form["properties"]["trap"] is True
        assert form["properties"]["elapsed_ms"] < 60_000
