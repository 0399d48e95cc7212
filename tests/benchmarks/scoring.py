"""What scoring and learning one lead takes, by the classifier: `python -m tests.benchmarks.scoring`.

30 features, a third of them texts. CPU time, p50 and p99: others on this machine add to the wall's.
"""

import time
from collections.abc import Callable
from random import Random
from statistics import quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from streams.domain.learner.classifier import LeadClassifier
from streams.domain.learner.kernel import COMPILED, KERNEL
from streams.domain.learner.state import pack

LEADS, FEATURES, WARM, TOGETHER = 4000, 30, 500, 64


def leads() -> list[tuple[dict[str, Any], bool]]:
    """Return leads made up by a seed; who converts depends on two features."""
    rng, made = Random(1), []
    for _ in range(LEADS):
        x: dict[str, Any] = {
            f"f{at:02}": f"v{rng.randrange(9)}" if at % 3 == 0 else rng.expovariate(0.3) for at in range(FEATURES)
        }
        made.append((x, x["f01"] > 3.0 and x["f00"] < "v5"))
    return made


def timed(call: Callable[[], object]) -> float:
    """Return the CPU microseconds of one call."""
    began = time.process_time_ns()
    call()
    return (time.process_time_ns() - began) / 1e3


def main() -> None:
    """Show the table."""
    model, told = LeadClassifier(), leads()
    took: dict[str, list[float]] = {"predict_proba_one": [], "learn_one": []}
    for x, y in told:
        took["predict_proba_one"].append(timed(lambda x=x: model.predict_proba_one(x)))  # type: ignore[misc]
        took["learn_one"].append(timed(lambda x=x, y=y: model.learn_one(x, y)))  # type: ignore[misc]
    frozen = model.frozen()
    took["frozen: score and points"] = [timed(lambda x=x: frozen.points(x)) for x, _ in told]  # type: ignore[misc]
    plan = frozen._fields.plan(told[0][0])
    rows = [tuple(plan.read(x) for x, _ in told[at : at + TOGETHER]) for at in range(0, LEADS - TOGETHER, TOGETHER)]
    room, given = plan.blank * TOGETHER, (plan.seeds, plan.slots, frozen._fields.stats, 14, frozen.weights)
    took[f"by the pool, {TOGETHER} in a call, each"] = [
        timed(lambda some=some: KERNEL.points(some, *given, room)) / TOGETHER  # type: ignore[misc]
        for some in rows
        for _ in range(TOGETHER)
    ]
    table = Table("call", "p50 µs", "p99 µs", title=f"{FEATURES} features, {'compiled' if COMPILED else 'Python'}")
    for name, of in took.items():
        cuts = quantiles(of[WARM:], n=100)
        table.add_row(name, f"{cuts[49]:.1f}", f"{cuts[98]:.1f}")
    Console().print(table)
    Console().print(f"state {len(pack(model.state())):,} bytes, frozen {len(frozen.weights) * 4:,} bytes of weights")


if __name__ == "__main__":
    main()
