"""Looking leads up in the serving view."""

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from streams.cli.output import Json, console, explained, fail, show_json, when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.store import Lead, Store

__all__ = ["many", "one"]

one = typer.Typer(help="One lead: who it is, what it did, how it scores, where it went and why.", no_args_is_help=True)
many = typer.Typer(help="The leads as a whole.", no_args_is_help=True)


@one.callback()
def _one() -> None:
    """Keeps `show` a command of its own."""


@many.callback()
def _many() -> None:
    """Keeps `hot` a command of its own."""


@one.command()
def show(
    lead_id: Annotated[str, typer.Argument(metavar="ID", help="Lead id, as `leads hot` or a routed lead has it.")],
    as_json: Json = False,
) -> None:
    """Show a lead: profile, timeline, score with reasons, decision with its rule and the owners considered."""
    with _store() as store:
        lead = store.lead(lead_id)
    if lead is None:
        raise fail(
            f"no lead {lead_id} in the view. If it is new, the view may be behind: is `leadstream view` running? "
            "After a loss of Redis it fills it again by itself; that takes a while."
        )
    if as_json:
        show_json({"asked": lead.asked, "profile": lead.profile, "decision": lead.decision, "timeline": lead.timeline})
        return
    _profile(lead)
    _reasons(lead.profile)
    _decision(lead.decision)
    _timeline(lead)


@many.command()
def hot(
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many.")] = 20, as_json: Json = False
) -> None:
    """List the leads with the highest scores."""
    with _store() as store:
        found = store.hottest(count)
    if as_json:
        show_json(found)
        return
    if not found:
        console.print("no leads yet")
        return
    table = Table(box=None, header_style="bold")
    for column in ("lead", "account", "stage", "score", "owner", "rule", "last seen"):
        table.add_column(column, justify="right" if column == "score" else "left", no_wrap=column == "lead")
    for lead in found:
        cells = (lead["lead_id"], lead["account"], lead["stage"], f"{lead['score']:.3f}", lead["owner"], lead["rule"])
        table.add_row(*cells, _seen(lead["last_seen"]))
    console.print(table)


def _seen(at: float) -> str:
    """Return when a lead last did something; who is only on a list has done nothing yet.

    >>> _seen(0.0), _seen(1.0)
    ('never', '1970-01-01 00:00:01Z')
    """
    return when(at) if at else "never"


@contextmanager
def _store() -> "Iterator[Store]":
    """The view's store; when Redis does not answer, the command ends with a sentence."""
    import redis

    from connectors.access import open_redis, refusal
    from connectors.settings import ViewSettings
    from connectors.store import Store

    with explained():
        settings = ViewSettings.read({"KAFKA_BOOTSTRAP_SERVERS": "not needed here", **os.environ})
        try:
            yield Store(open_redis(settings))
        except redis.RedisError as error:
            raise fail(
                f"{refusal(error, settings)}. The pipeline does not need it: leads are scored and routed all the same."
            ) from None


def _profile(lead: "Lead") -> None:
    profile = lead.profile
    title = f"{profile['lead_id']}  {profile['stage']}  {profile['account']}".rstrip()
    console.print(title, style="bold", markup=False)
    if lead.asked != profile["lead_id"]:
        console.print(f"{lead.asked} turned out to be this lead and was merged into it", markup=False)
    seen = (
        f" from {when(profile['first_seen'])} to {when(profile['last_seen'])}"
        if profile["last_seen"]
        else ", never seen"
    )
    console.print(f"{profile['touches']} touches{seen}", markup=False)
    traits = ", ".join(f"{name} = {trait['value']}" for name, trait in sorted(profile["traits"].items()))
    consent = ", ".join(
        f"{name}: {'yes' if held['granted'] else 'no'}" for name, held in sorted(profile["consent"].items())
    )
    for name, told in (("traits", traits), ("consent", consent), ("first visit", _visit(profile["first_visit"]))):
        if told:
            console.print(f"{name}: {told}", markup=False)


def _reasons(profile: dict[str, Any]) -> None:
    console.print(
        f"\nscore {profile['score']:.3f}  fit {profile['fit']:.3f}  engagement {profile['engagement']:.3f}"
        f"  (model {profile['model_version']})",
        style="bold",
    )
    if profile.get("card"):  # a profile written before there were cards names none
        both = f"{profile['model_share']:.0%} the model's, the rest the scorecard's"
        led = {"card": "the scorecard's", "model": "the model's"}.get(profile["led_by"], both)
        points = f"scorecard {profile['card']}: {profile['card_points']:.4g} points"
        console.print(f"the score is {led}; {points}", markup=False)
    table = Table(box=None, header_style="dim")
    table.add_column("feature")
    table.add_column("value", justify="right")
    table.add_column("points", justify="right")
    for reason in profile["reasons"]:
        table.add_row(reason["feature"], f"{reason['value']:.3g}", f"{reason['points']:+.2f}")
    if table.row_count:
        console.print(table)


def _decision(decision: dict[str, Any] | None) -> None:
    if decision is None:
        console.print("\nnot routed yet", style="bold")
        return
    owner = f" → {decision['owner']}" if decision["owner"] else ""
    console.print(f"\nrouted to {decision['destination']}{owner}", style="bold", markup=False)
    console.print(
        f"rule: {decision['rule']}; decision {decision['decision_id']}, number {decision['route_seq']},"
        f" at {when(decision['occurred_at'])}",
        markup=False,
    )
    for candidate in decision["candidates"]:
        console.print(f"  {candidate['owner']}: {candidate['excluded'] or 'chosen'}", markup=False)


def _timeline(lead: "Lead") -> None:
    console.print("\ntimeline", style="bold")
    for entry in lead.timeline:
        told = entry.told
        rest = ", ".join(f"{name} = {value}" for name, value in told.items() if name not in ("id", "kind") and value)
        console.print(
            f"  {when(entry.at)}  {told['kind']}" + (f"  ({rest})" if rest else ""), markup=False, soft_wrap=True
        )


def _visit(visit: dict[str, Any] | None) -> str:
    return " / ".join(visit[part] for part in ("source", "medium", "campaign") if visit[part]) if visit else ""
