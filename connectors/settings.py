"""What the processes are told from outside: read once, from a mapping, complaining about everything at once.

Every secret may also come from a file: `LEADSTREAM_PEPPER_FILE=/run/secrets/pepper` stands for `LEADSTREAM_PEPPER`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from connectors.access import KafkaAccess, RedisAccess
from connectors.credentials import Credentials
from connectors.keyring import KeyRing
from connectors.observed import Observed, Port
from connectors.values import (
    SECRETS,
    BucketDays,
    Keys,
    Listed,
    Networks,
    Origins,
    Seconds,
    SignNames,
    StrongKey,
    TraitNames,
)
from schemas.sighting import Sign


class SettingsError(Exception):
    """Settings are missing or wrong; one line for each, naming the variable and what to do."""


class Connection(Observed, KafkaAccess):
    """What every process is told: where Kafka is, and how wide the pipeline is."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True, populate_by_name=True)

    schema_registry_url: str = Field(
        "",
        alias="SCHEMA_REGISTRY_URL",
        description="Confluent-compatible registry; without one, ids come from `schemas/ids.json`",
    )
    partitions: Annotated[int, Field(ge=1)] = Field(
        4, alias="LEADSTREAM_PARTITIONS", description="partitions of each topic; cannot be changed once there is state"
    )
    replication: Annotated[int, Field(ge=1)] = Field(
        1, alias="LEADSTREAM_REPLICATION", description="copies of each partition; 3 in production"
    )

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Return the settings in `environ`. Raises `SettingsError`, naming everything that is missing or wrong."""
        given, unread = _with_files(cls, environ)
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False)
            raise _complaint(cls, {str(fault["loc"][0]): fault["msg"] for fault in faults} | unread) from None
        if unread:
            raise _complaint(cls, unread)
        return settings


class Peppered(Connection):
    """What everybody is told who makes ids."""

    pepper: StrongKey = Field(
        alias="LEADSTREAM_PEPPER",
        description="key of the hash that makes ids pseudonymous, 16 to 64 bytes; the same everywhere, for ever",
    )


class CollectorSettings(Credentials, Peppered):
    """What the collector is told."""

    host: str = Field(
        "127.0.0.1", alias="LEADSTREAM_COLLECTOR_HOST", description="where the collector listens; 0.0.0.0 = everywhere"
    )
    port: Port = Field(8080, alias="LEADSTREAM_COLLECTOR_PORT", description="its port; 0 = any free one")
    write_keys: Keys = Field(
        KeyRing(),
        alias="LEADSTREAM_WRITE_KEYS",
        description="who may send Segment events, `name:key,name:key`, a key also as `sha256=HEX` and with "
        "`;origins=https://a.example|https://b.example` behind it (`leadstream keys new`); none = nobody",
    )
    crm_keys: Keys = Field(
        KeyRing(),
        alias="LEADSTREAM_CRM_KEYS",
        description="which CRMs may send outcomes, `name:key,name:key`; none = nobody",
    )
    cors_origins: Origins = Field(
        (),
        alias="LEADSTREAM_CORS_ORIGINS",
        description="web origins whose pages may send events, `https://a.example,https://b.example`",
    )
    body_bytes: Annotated[int, Field(ge=1024)] = Field(
        1_048_576, alias="LEADSTREAM_BODY_BYTES", description="largest request body as it arrives, bytes"
    )
    inflated_bytes: Annotated[int, Field(ge=1024)] = Field(
        1_048_576, alias="LEADSTREAM_INFLATED_BYTES", description="largest request body once decompressed, bytes"
    )
    batch_bytes: Annotated[int, Field(ge=1024)] = Field(
        512_000, alias="LEADSTREAM_BATCH_BYTES", description="largest Segment batch, bytes of JSON"
    )
    event_bytes: Annotated[int, Field(ge=256)] = Field(
        32_768, alias="LEADSTREAM_EVENT_BYTES", description="largest single event, bytes"
    )
    batch_items: Annotated[int, Field(ge=1)] = Field(
        2_500, alias="LEADSTREAM_BATCH_ITEMS", description="most events in one request"
    )
    body_timeout_s: Seconds = Field(
        10.0, alias="LEADSTREAM_BODY_TIMEOUT_S", description="how long a body may take to arrive, seconds"
    )
    body_rate: Annotated[int, Field(ge=0)] = Field(
        1_024,
        alias="LEADSTREAM_BODY_RATE",
        description="how fast a body must come after its first 2 s, bytes a second; 0 = as slowly as it likes",
    )
    head_timeout_s: Seconds = Field(
        5.0, alias="LEADSTREAM_HEAD_TIMEOUT_S", description="how long a request's head may take to arrive, seconds"
    )
    address_connections: Annotated[int, Field(ge=1)] = Field(
        500,
        alias="LEADSTREAM_ADDRESS_CONNECTIONS",
        description="most connections from one address at once; raise it behind a proxy, which is one address",
    )
    trusted_proxies: Networks = Field(
        ("127.0.0.1",),
        alias="LEADSTREAM_TRUSTED_PROXIES",
        description="proxies whose X-Forwarded-For tells a request's address, `10.1.2.0/24,127.0.0.1`",
    )
    ack_deadline_s: Seconds = Field(
        5.0,
        alias="LEADSTREAM_ACK_DEADLINE_S",
        description="how long the broker may take to acknowledge before we answer 503, seconds",
    )
    rate_per_s: Annotated[float, Field(ge=0)] = Field(
        0.0,
        alias="LEADSTREAM_RATE_PER_S",
        description="requests a second and address (IPv6: its /64) before we answer 429; 0 = no limit",
    )
    key_rate_per_s: Annotated[float, Field(ge=0)] = Field(
        0.0,
        alias="LEADSTREAM_KEY_RATE_PER_S",
        description="requests a second and write key, or other proof of a sender, before we answer 429; 0 = no limit",
    )
    connections: Annotated[int, Field(ge=1)] = Field(
        2_000, alias="LEADSTREAM_CONNECTIONS", description="most connections at once before we answer 503"
    )


class ImportSettings(Peppered):
    """What commands that write events themselves are told."""


class WorkerSettings(Peppered):
    """What a worker is told."""

    maps: Listed = Field(
        (), alias="LEADSTREAM_MAPS", description="YAML files of mapped webhooks of your own, `a.yaml,b.yaml`"
    )
    snapshot_key: StrongKey = Field(
        alias="LEADSTREAM_SNAPSHOT_KEY", description="key that signs model snapshots, 16 to 64 bytes"
    )
    worker_name: str = Field(
        "",
        alias="LEADSTREAM_WORKER_NAME",
        description="names this worker among the others, uniquely; its partitions wait 10 s for it to be back before "
        "they move; one that starts under a name in use takes over; none = they move as soon as it leaves",
    )
    state_dir: str = Field(
        "",
        alias="LEADSTREAM_STATE_DIR",
        description="folder for the worker's state in RocksDB, when leads are too many for memory; none = memory",
    )
    exits_dir: str = Field(
        "",
        alias="LEADSTREAM_EXITS_DIR",
        description="folder that outlives the worker, where it notes how it ends, so that the next one under its name "
        "counts it; none = LEADSTREAM_STATE_DIR, and where there is none either nothing is counted",
    )
    standby: bool = Field(
        False,
        alias="LEADSTREAM_STANDBY",
        description="1 = follow the state of other workers' partitions too, to take them over at once: each worker "
        "then holds the state of all",
    )
    traits: TraitNames = Field(
        (),
        alias="LEADSTREAM_TRAITS",
        description="traits to keep and to score on besides industry, employees, title, seniority and country, "
        "`plan,team_size`; never personal ones",
    )
    routing_file: str = Field(
        "", alias="LEADSTREAM_ROUTING_FILE", description="YAML file with the threshold and the owners of leads"
    )
    scorecard_file: str = Field(
        "",
        alias="LEADSTREAM_SCORECARD_FILE",
        description="YAML file with the scorecard that scores until enough outcomes are known; none = "
        "`streams/scorecard.yaml`",
    )
    quarantine: SignNames = Field(
        tuple(Sign),
        alias="LEADSTREAM_QUARANTINE",
        description="which signs of machines and pranksters put an event into quarantine, `crawler,honeypot`; "
        "`none` = nothing is held back",
    )
    hosting_file: str = Field(
        "",
        alias="LEADSTREAM_HOSTING_FILE",
        description="text file with the networks of hosting providers, one a line (`203.0.113.0/24`): browsers there "
        "are machines",
    )
    forms_per_hour: Annotated[int, Field(ge=1)] = Field(
        60, alias="LEADSTREAM_FORMS_PER_HOUR", description="most forms an hour from one network, /24 or /48"
    )
    bucket_days: BucketDays = Field(
        ("3", "7", "14", "30"),
        alias="LEADSTREAM_BUCKET_DAYS",
        description="within how many days a lead may convert, as the ends of buckets that are learned as they close; "
        "the last is the horizon, `3,7,14,30`; after a change what was learned of buckets is learned anew",
    )
    outcome_late_hours: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        24.0,
        alias="LEADSTREAM_OUTCOME_LATE_HOURS",
        description="how much later than other events outcomes may come and still be learned, hours",
    )

    @property
    def bucket_ends_s(self) -> tuple[float, ...]:
        """Where buckets end, seconds after a lead was scored."""
        return tuple(float(days) * 86_400.0 for days in self.bucket_days)


class Outward(BaseModel):
    """What those are told that ask others over HTTP."""

    egress_allow: Networks = Field(
        (),
        alias="LEADSTREAM_EGRESS_ALLOW",
        description="networks that may be asked and delivered to besides public HTTPS addresses, "
        "`10.1.2.0/24,127.0.0.1`",
    )


class Outlets(BaseModel):
    """Where routed leads go."""

    sink: str = Field("webhook", alias="LEADSTREAM_SINK", description="where routed leads go: webhook or memory")
    destinations_file: str = Field(
        "",
        alias="LEADSTREAM_DESTINATIONS_FILE",
        description="YAML file with all destinations; instead of LEADSTREAM_SINK and what belongs to it",
    )


class EraseSettings(Outlets, ImportSettings):
    """What the command is told that has people forgotten."""


class RelaySettings(Outward, Outlets, Connection):
    """What the relay is told."""

    webhook_url: str = Field(
        "", alias="LEADSTREAM_WEBHOOK_URL", description="where the webhook sink posts them, http:// or https://"
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""),
        alias="LEADSTREAM_WEBHOOK_SECRET",
        description="signs each delivery, `whsec_...` (Standard Webhooks); `new,old` while receivers change over",
    )
    webhook_timeout_s: Seconds = Field(
        20.0, alias="LEADSTREAM_WEBHOOK_TIMEOUT_S", description="how long a receiver may take to answer, seconds"
    )


class ViewSettings(RedisAccess, Connection):
    """What the serving view is told."""


class FetcherSettings(Outward, Peppered):
    """What the fetcher is told."""

    meta_token: SecretStr = Field(
        SecretStr(""), alias="LEADSTREAM_META_TOKEN", description="token of the page, with `leads_retrieval`"
    )
    meta_api: str = Field(
        "https://graph.facebook.com/v24.0", alias="LEADSTREAM_META_API", description="the Graph API and its version"
    )
    linkedin_token: SecretStr = Field(
        SecretStr(""), alias="LEADSTREAM_LINKEDIN_TOKEN", description="token with `r_marketing_leadgen_automation`"
    )
    linkedin_api: str = Field(
        "https://api.linkedin.com/rest", alias="LEADSTREAM_LINKEDIN_API", description="LinkedIn's API"
    )
    linkedin_version: str = Field("202603", alias="LEADSTREAM_LINKEDIN_VERSION", description="its version, `YYYYMM`")
    hubspot_token: SecretStr = Field(
        SecretStr(""), alias="LEADSTREAM_HUBSPOT_TOKEN", description="token of a private app that may read CRM objects"
    )
    hubspot_api: str = Field(
        "https://api.hubapi.com/crm/v3/objects",
        alias="LEADSTREAM_HUBSPOT_API",
        description="HubSpot's objects API and its version",
    )
    salesforce_api: str = Field("", alias="LEADSTREAM_SALESFORCE_API", description="`https://yours.my.salesforce.com`")
    salesforce_version: str = Field(
        "v66.0", alias="LEADSTREAM_SALESFORCE_VERSION", description="version of Salesforce's REST API"
    )
    salesforce_id: str = Field("", alias="LEADSTREAM_SALESFORCE_ID", description="client id of a connected app")
    salesforce_secret: SecretStr = Field(
        SecretStr(""), alias="LEADSTREAM_SALESFORCE_SECRET", description="client secret of the connected app"
    )
    fetch_timeout_s: Seconds = Field(
        20.0, alias="LEADSTREAM_FETCH_TIMEOUT_S", description="how long a platform may take to answer, seconds"
    )


class ProbeSettings(RedisAccess, Connection):
    """What the probe is told."""

    destinations_file: str = Field(
        "",
        alias="LEADSTREAM_DESTINATIONS_FILE",
        description="YAML file with all destinations; instead of LEADSTREAM_SINK and what belongs to it",
    )
    probe_every_s: Seconds = Field(
        5.0, alias="LEADSTREAM_PROBE_EVERY_S", description="how often the groups' lag is looked at, seconds"
    )
    collector_url: str = Field(
        "http://127.0.0.1:8080",
        alias="LEADSTREAM_COLLECTOR_URL",
        description="where the probe sends canary leads: the collector as senders reach it",
    )
    canary_key: SecretStr = Field(
        SecretStr(""),
        alias="LEADSTREAM_CANARY_KEY",
        description="one of the collector's canary keys, without its name; none = no canaries",
    )
    canary_every_s: Seconds = Field(
        10.0, alias="LEADSTREAM_CANARY_EVERY_S", description="how often a canary lead is sent, seconds"
    )
    audit_grace_s: Seconds = Field(
        60.0,
        alias="LEADSTREAM_AUDIT_GRACE_S",
        description="how long after its commit a minute's books are closed, seconds",
    )
    redis_url: str = Field(
        "",
        alias="REDIS_URL",
        description="Redis of the serving view, `redis://host:port/0`, or `rediss://` for TLS",
        repr=False,
    )


PROCESSES: dict[str, type[Connection]] = {
    "collector": CollectorSettings,
    "worker": WorkerSettings,
    "fetcher": FetcherSettings,
    "relay": RelaySettings,
    "view": ViewSettings,
    "probe": ProbeSettings,
}


def _with_files(cls: type[BaseModel], environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return what is set (an empty variable is not), secrets read from files, and what is wrong with the files."""
    given, unread = {}, {}
    for field in cls.model_fields.values():
        name = str(field.alias)
        if environ.get(name, "") != "":
            given[name] = environ[name]
        elif field.annotation in SECRETS and (path := environ.get(f"{name}_FILE")):
            try:
                given[name] = Path(path).read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                unread[name] = f"the file in {name}_FILE cannot be read ({type(error).__name__})"
    return given, unread


def _complaint(cls: type[BaseModel], wrong: Mapping[str, str]) -> SettingsError:
    """Say what to do about each setting. Their values stay out of it: any may be a secret in the wrong place."""
    fields = {str(field.alias): field for field in cls.model_fields.values()}
    lines = []
    for name in sorted(wrong):
        field, fault = fields[name], wrong[name]
        or_file = f" (or {name}_FILE)" if field.annotation in SECRETS else ""
        if fault == "Field required":
            lines.append(f"{name} is not set; set it{or_file}: {field.description}")
        else:
            lines.append(f"{name} is wrong: {fault.removeprefix('Value error, ')}; it is: {field.description}")
    return SettingsError("\n".join(lines))
