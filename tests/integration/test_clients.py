"""Official clients, as their package registries have them: they work with us, and only the host is changed."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hubspot import HubSpot as HubSpotClient
from hubspot.crm.contacts import BatchInputSimplePublicObjectBatchInputUpsert as Inputs
from hubspot.crm.contacts import SimplePublicObjectBatchInputUpsert as Input
from hubspot.crm.contacts.exceptions import ApiException
from requests import Session
from simple_salesforce import Salesforce as SalesforceClient
from simple_salesforce.exceptions import SalesforceExpiredSession
from snowplow_tracker import Emitter, PageView, SelfDescribing, SelfDescribingJson, Subject, Tracker

from connectors.sources import SOURCES
from schemas.records import Channel, Kind
from schemas.sighting import Sighting
from schemas.topics import EVENTS_WEB
from streams.runtime.handle import BrokerHandle
from tests.collecting import Collecting, collecting
from tests.contract.sources.senders import WRITE_KEY, settings
from tests.crms import TOKEN, Fake, HubSpot, Salesforce, serving
from tests.packages import packages
from tests.pipeline import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
SCRIPTS = ROOT / "tests" / "clients"
FORM = "iglu:com.snowplowanalytics.snowplow/submit_form/jsonschema/1-0-0"


@pytest.fixture(scope="module")
def running(broker: BrokerHandle) -> Iterator[Collecting]:
    with collecting(settings(KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap, LEADSTREAM_COLLECTOR_PORT="0")) as collector:
        yield collector


@pytest.fixture
def collector(running: Collecting) -> Collecting:
    return running.from_now_on()


@pytest.fixture(scope="module")
def node() -> Callable[..., None]:
    """Runs one of our scripts, each a page long, with the packages that npm has."""
    folder = packages()

    def run(script: str, *arguments: str) -> None:
        shutil.copy(SCRIPTS / script, folder / script)  # Node looks for packages beside the script
        done = subprocess.run(
            ["node", script, *arguments], check=False, cwd=folder, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")

    return run


def sightings(collector: Collecting, source: str) -> list[Sighting]:
    stored = [raw for _, raw in collector.stored(EVENTS_WEB)]
    assert {raw.source for raw in stored} == {source}
    return [SOURCES[source].adapt(raw) for raw in stored]


def test_segments_library_for_node_sends_and_each_event_arrives_once(
    collector: Collecting, node: Callable[..., None]
) -> None:
    node("segment.mjs", collector.url, WRITE_KEY, "30")
    events = [json.loads(body) for body in collector.bodies(EVENTS_WEB)]
    tracked = sorted(event["properties"]["n"] for event in events if event["type"] == "track")
    identified = {event["traits"]["email"] for event in events if event["type"] == "identify"}
    assert tracked == list(range(30))
    assert identified == {f"lead{n}@example.com" for n in range(30)}
    assert {sighting.channel for sighting in sightings(collector, "segment")} == {Channel.WEB}


@pytest.mark.parametrize("method", ["post", "get"])
def test_snowplows_tracker_for_node_sends(collector: Collecting, node: Callable[..., None], method: str) -> None:
    node("snowplow.mjs", collector.url, "shop", method)
    _as_tracked(sightings(collector, "snowplow"), 3)


@pytest.mark.parametrize("method", ["post", "get"])
def test_snowplows_tracker_for_python_sends(collector: Collecting, method: Any) -> None:
    host, _, port = collector.url.removeprefix("http://").partition(":")
    failures: list[object] = []
    with Session() as session:
        emitter = Emitter(
            host,
            "http",
            int(port),
            method,
            batch_size=2,
            on_failure=lambda count, events: failures.append((count, events)),
            session=session,
        )
        tracker = Tracker("test", emitter, Subject().set_domain_user_id("d-1").set_user_id("u-1"), app_id="shop")
        tracker.track(PageView("https://shop.example/pricing?utm_source=li", "Pricing"))
        form = {"formId": "demo", "elements": [{"name": "email", "value": "jane@example.com", "nodeName": "INPUT"}]}
        tracker.track(SelfDescribing(SelfDescribingJson(FORM, form)))
        tracker.flush()
    assert not failures
    _as_tracked(sightings(collector, "snowplow"), 2)


def _as_tracked(found: list[Sighting], count: int) -> None:
    assert len(found) == count
    assert {sighting.identifiers.visitor for sighting in found} == {"d-1"}
    assert {sighting.identifiers.user for sighting in found} == {"u-1"}
    [viewed] = [sighting for sighting in found if sighting.kind is Kind.PRICING]
    assert viewed.campaign.source == "li"


def asked(fake: Fake, ask: Callable[[str], Any], tls: SSLContext | None = None) -> Any:
    """Ask a CRM that listens from a thread: these clients block."""

    async def serve() -> Any:
        async with serving(fake, tls):
            return await asyncio.to_thread(ask, fake.url)

    return asyncio.run(serve())


@contextmanager
def hubspot(url: str, token: str = TOKEN) -> Iterator[Any]:
    """HubSpot's client for batches of contacts; it leaves its connections to whoever looks for them."""
    api = HubSpotClient(access_token=token, host=url).crm.contacts.batch_api
    yield api
    api.api_client.rest_client.pool_manager.clear()


def test_hubspots_client_upserts_and_the_fake_answers_as_it_understands() -> None:
    fake = HubSpot()

    def ask(url: str) -> Any:
        inputs = [
            Input(id=f"lead{n}@example.com", id_property="email", properties={"company": f"C{n}"}) for n in range(3)
        ]
        with hubspot(url) as api:
            return api.upsert(Inputs(inputs=inputs[:2])), api.upsert(Inputs(inputs=inputs))

    first, second = asked(fake, ask)
    assert [result.new for result in first.results] == [True, True]
    assert [result.new for result in second.results] == [False, False, True]
    assert second.results[2].properties == {"company": "C2"}
    assert set(fake.records) == {f"lead{n}@example.com" for n in range(3)}


def test_hubspots_client_hears_of_a_row_that_spoils_its_batch_and_of_a_wrong_token() -> None:
    def ask(url: str) -> list[int]:
        statuses = []
        for token in (TOKEN, "wrong"):
            with hubspot(url, token) as api, pytest.raises(ApiException) as refused:
                api.upsert(Inputs(inputs=[Input(id="nobody", properties={})]))
            statuses.append(refused.value.status)
        return statuses

    assert asked(HubSpot(), ask) == [400, 401]


@pytest.fixture
def trusted(tmp_path: Path) -> tuple[SSLContext, Session]:
    """A certificate for 127.0.0.1, and a session that trusts it: Salesforce's client speaks nothing but HTTPS."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    host = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = made.add_extension(host, critical=False).sign(key, SHA256())
    certificate, secret = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    tls = SSLContext(PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, secret)
    session = Session()
    session.trust_env = False  # a bundle named in the environment would go before ours
    session.verify = str(certificate)
    return tls, session


@contextmanager
def salesforce(url: str, session: Session, token: str = TOKEN) -> Iterator[SalesforceClient]:
    """Salesforce's client; connections are closed before the CRM goes away."""
    with session:
        yield SalesforceClient(session_id=token, instance_url=url, version="66.0", session=session)


def test_salesforces_client_upserts_a_collection_and_hears_of_each_row(trusted: tuple[SSLContext, Session]) -> None:
    fake, (tls, session) = Salesforce(), trusted
    rows = [
        {"attributes": {"type": "Lead"}, "Leadstream_Id__c": f"e-{n}", "LastName": "L", "Company": company}
        for n, company in enumerate(("C", "", "D"))
    ]
    body = {"allOrNone": False, "records": rows}

    def ask(url: str) -> Any:
        path = "composite/sobjects/Lead/Leadstream_Id__c"
        with salesforce(url, session) as client:
            return client.restful(path, method="PATCH", json=body)

    told = asked(fake, ask, tls)
    assert [row["success"] for row in told] == [True, False, True]
    assert told[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert set(fake.records) == {"e-0", "e-2"}


def test_salesforces_client_hears_that_its_session_is_over(trusted: tuple[SSLContext, Session]) -> None:
    tls, session = trusted

    def ask(url: str) -> None:
        with salesforce(url, session, "old") as client, pytest.raises(SalesforceExpiredSession):
            client.restful("composite/sobjects/Lead/Id__c", method="PATCH", json={"records": []})

    asked(Salesforce(), ask, tls)
