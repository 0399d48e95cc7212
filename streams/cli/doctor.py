"""What may be wrong with an installation: each thing is looked at and told in one sentence, with what to do."""

from collections.abc import Callable, Iterator, Mapping

from connectors import kafka
from connectors.destinations import destinations
from connectors.settings import (
    PROCESSES,
    CollectorSettings,
    Connection,
    RelaySettings,
    SettingsError,
    WorkerSettings,
)
from connectors.sources.mapping import mappings
from connectors.spelling import misspelt
from streams.cli.finding import Finding
from streams.cli.running import alerts, running

__all__ = ["examine"]


def examine(environ: Mapping[str, str], processes: tuple[str, ...]) -> Iterator[Finding]:
    """Look at settings, broker, topics, registry and Redis, as far as the processes need them; then at what runs.

    Where `LEADSTREAM_PROMETHEUS_URL` is set, at what fires there as well.
    """
    yield from _settings(processes, environ)
    try:
        connection = Connection.read(environ)
    except SettingsError:
        return  # nothing else can be asked, and the sentences above say why
    well = []
    for finding in (*_topics(connection), _registry(connection)):
        yield finding
        well.append(not finding.wrong)
    if "view" in processes:
        yield _redis(environ)
    if all(well):
        yield from running(connection, environ)
    if prometheus := environ.get("LEADSTREAM_PROMETHEUS_URL"):
        yield from alerts(prometheus)


def _settings(processes: tuple[str, ...], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Tell each complaint once, with the processes that have it; then what may be misspelt."""
    told: dict[str, list[str]] = {}
    for process in processes:
        for complaint in _complaints(process, environ) or [""]:
            told.setdefault(complaint, []).append(process)
    for complaint, whose in sorted(told.items(), key=lambda it: bool(it[0])):
        yield Finding(f"settings of {', '.join(whose)}", "" if complaint else "complete", complaint)
    for said in misspelt(environ):
        yield Finding("settings", "", said)


def _complaints(process: str, environ: Mapping[str, str]) -> list[str]:
    """Return what a process would end with if it were started: of its settings, or else of the files they name."""
    try:
        settings = PROCESSES[process].read(environ)
    except SettingsError as error:
        return str(error).splitlines()
    found = []
    for read in _files(settings, environ):
        try:
            read()
        except SettingsError as error:
            found += str(error).splitlines()
    return found


def _files(settings: Connection, environ: Mapping[str, str]) -> Iterator[Callable[[], object]]:
    """Yield what reads each file that a process's settings name."""
    if isinstance(settings, RelaySettings):
        yield lambda: destinations(settings, environ)
    if isinstance(settings, CollectorSettings | WorkerSettings):
        yield lambda: mappings(settings.maps)
    if isinstance(settings, WorkerSettings):
        from streams import cards, judges, routes

        yield lambda: routes.routing(settings.routing_file)
        yield lambda: cards.card(settings.scorecard_file)
        yield lambda: judges.ranges(settings.hosting_file)


def _topics(connection: Connection) -> Iterator[Finding]:
    from schemas.topics import TOPICS

    try:
        problems = kafka.check(connection)
    except kafka.BrokerUnreachable as error:
        yield Finding("broker", "", f"{error}; start it or correct the setting")
        return
    yield Finding("broker", f"answers at {connection.bootstrap_servers}")
    for problem in problems:
        yield Finding("topics", "", problem)
    if not problems:
        yield Finding("topics", f"all {len(TOPICS)} are there, with the right partitions and clean-up")


def _registry(connection: Connection) -> Finding:
    from schemas.codec import Codec
    from schemas.registry import RegistryUnavailable, SchemaRefused, UnknownSchema, open_registry

    url = connection.schema_registry_url
    where = "the registry at SCHEMA_REGISTRY_URL" if url else "schemas/ids.json"
    try:
        Codec(open_registry(url or None))
    except UnknownSchema as error:
        return Finding("schemas", "", f"{error}; give the record an id there")
    except (RegistryUnavailable, SchemaRefused) as error:
        return Finding("schemas", "", str(error))
    return Finding("schemas", f"every record has an id in {where}")


def _redis(environ: Mapping[str, str]) -> Finding:
    import redis

    from connectors.access import open_redis, refusal
    from connectors.settings import ViewSettings

    try:
        settings = ViewSettings.read(environ)
    except SettingsError as error:
        return Finding("redis", "", str(error))
    try:
        server = open_redis(settings).info("server")
    except (redis.RedisError, ValueError) as error:  # ValueError: not a Redis URL
        return Finding("redis", "", refusal(error, settings))
    named = ("Valkey", "valkey_version") if "valkey_version" in server else ("Redis", "redis_version")
    return Finding("redis", f"answers, {named[0]} {server[named[1]]}")
