"""What a dashboard is made of, in a few words each; `render` makes Grafana's JSON of it with Grafana's own library."""

from collections.abc import Iterable
from typing import NamedTuple

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
RATE = "[$__rate_interval]"
WIDTH, HEIGHT, STAT_HEIGHT = 24, 7, 4


class Query(NamedTuple):
    """One query, and how its lines are named."""

    expr: str
    legend: str = ""


class Panel(NamedTuple):
    """One panel: a title, a sentence, Grafana's name of the unit, its queries. `number` shows the last value only."""

    title: str
    told: str
    unit: str
    queries: tuple[Query, ...]
    number: bool = False


class Row(NamedTuple):
    """Panels side by side, under a heading."""

    title: str
    panels: tuple[Panel, ...]


class Board(NamedTuple):
    """One dashboard; `uid` names its file and its address."""

    uid: str
    title: str
    told: str
    rows: tuple[Row, ...]


def line(title: str, told: str, unit: str, *queries: tuple[str, str]) -> Panel:
    """Return a panel with a line for each series."""
    return Panel(title, told, unit, tuple(Query(*query) for query in queries))


def number(title: str, told: str, unit: str, expr: str, legend: str = "") -> Panel:
    """Return a panel with the last value of each series."""
    return Panel(title, told, unit, (Query(expr, legend),), number=True)


def rate(metric: str, by: str = "", where: str = "", or_zero: bool = False) -> str:
    """Return the query for a counter's rate, summed up `by` labels; `or_zero` where a counter may not be there yet."""
    summed = f"sum by ({by}) " if by else "sum"
    expr = f"{summed}(rate({metric}{where}{RATE}))"
    return f"({expr} or vector(0))" if or_zero else expr


def quantile(share: float, histogram: str, by: str = "") -> str:
    """Return the query for a histogram's quantile over all processes, `by` labels."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share:g}, sum by ({labels}) (rate({histogram}_bucket{RATE})))"


def spread(histogram: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the queries for a histogram's middle and its slow end."""
    return (quantile(0.5, histogram), "half"), (quantile(0.99, histogram), "99 in 100")


def render(board: Board) -> str:
    """Return the dashboard's JSON."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.told)
        .tags(["leadstream"])
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
    )
    for row in board.rows:
        made = made.with_row(dashboard.Row(row.title))
        for panel, span in zip(row.panels, spans(len(row.panels)), strict=True):
            made = made.with_panel(_panel(panel, span))
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


def spans(panels: int) -> Iterable[int]:
    """Return how wide each panel of a row is, so that they fill it."""
    return [WIDTH // panels + (place < WIDTH % panels) for place in range(panels)]


def _panel(panel: Panel, span: int) -> stat.Panel | timeseries.Panel:
    made = (stat.Panel() if panel.number else timeseries.Panel()).title(panel.title).description(panel.told)
    made = made.unit(panel.unit).datasource(SOURCE).span(span).height(STAT_HEIGHT if panel.number else HEIGHT)
    if not panel.number:
        made = made.min(0)
    for ref, query in zip("ABCDEFG", panel.queries, strict=False):
        asked = prometheus.Dataquery().expr(query.expr).ref_id(ref)
        made = made.with_target(asked.legend_format(query.legend) if query.legend else asked)
    return made
