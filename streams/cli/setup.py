"""Setting an installation up and seeing whether it is well."""

import os
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from streams.cli.output import Json, console, explained, fail, show_json

if TYPE_CHECKING:
    from schemas.topics import Topic

__all__ = ["check", "topics", "version"]

CHECKED = ("collector", "worker", "relay", "view")  # unless told otherwise: not everybody has a fetcher and a probe

topics = typer.Typer(help="The topics everything travels on.", no_args_is_help=True)


@topics.command()
def ensure() -> None:
    """Make the topics that are missing. Run it before the first start; running it again changes nothing."""
    from connectors import kafka
    from connectors.settings import Connection

    with explained():
        done = kafka.ensure(Connection.read(os.environ))
    for name in done.created:
        console.print(f"made {name}", markup=False)
    if done.problems:
        raise fail("\n".join(done.problems))
    if not done.created:
        console.print("every topic is there")


@topics.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the topics as they are meant to be: what travels on them, under which key, and for how long it is kept."""
    from schemas.topics import TOPICS

    if as_json:
        show_json([_topic(topic) for topic in TOPICS])
        return
    table = Table("topic", "records", "key", "partitions", "kept", box=None, header_style="bold")
    for row in map(_topic, TOPICS):
        table.add_row(*row.values())
    console.print(table)


def check(
    process: Annotated[
        list[str] | None, typer.Option("--process", help="Only what this process needs; may be given several times.")
    ] = None,
    as_json: Json = False,
) -> None:
    """See what is wrong, in one screen; each line says what to do. Status 1 when something is.

    Settings, broker, topics, schemas, Redis; then, of a pipeline that runs, lag, workers that stand still, dead
    letters, paused destinations, the model; and what fires in Prometheus, where LEADSTREAM_PROMETHEUS_URL says
    where that is.
    """
    from connectors.settings import PROCESSES
    from streams.cli.doctor import examine

    unknown = set(process or ()) - set(PROCESSES)
    if unknown:
        raise fail(f"--process {', '.join(sorted(unknown))} is none of {', '.join(PROCESSES)}", 2)
    findings = []
    with explained():
        for finding in examine(os.environ, tuple(process or CHECKED)):
            findings.append(finding)
            if not as_json:
                mark, style = ("ok   ", "green") if not finding.wrong else ("WRONG", "red")
                text = (finding.wrong or finding.told).replace("\n", "\n      ")
                console.print(mark, style=style, end=" ")
                console.print(f"{finding.subject}: {text}", markup=False, soft_wrap=True)
    if as_json:
        show_json([finding._asdict() for finding in findings])
    if any(finding.wrong for finding in findings):
        raise typer.Exit(1)


def version(as_json: Json = False) -> None:
    """Print the version, and those of what it stands on."""
    import platform
    from importlib import metadata

    from schemas import native

    names = ("leadstream", "faust-streaming", "confluent-kafka", "river", "redis")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    found["codec"] = "compiled" if native.AVAILABLE else "interpreted"
    if as_json:
        show_json(found)
        return
    console.print(f"leadstream {found.pop('leadstream')}", markup=False)
    for name, number in found.items():
        console.print(f"  {name} {number}", markup=False)


def _topic(topic: "Topic") -> dict[str, str]:
    """What there is to say of a topic, in words."""
    days = topic.retention_s // 86_400
    return {
        "topic": topic.name,
        "records": ", ".join(record.__name__ for record in topic.records),
        "key": topic.key,
        "partitions": str(topic.partitions or "LEADSTREAM_PARTITIONS"),
        "kept": "last per key" if topic.compacted else f"{days} days" if days > 0 else "for ever",
    }
