"""Points inside a round at which a worker can be told to die or to freeze. Installed in test workers only.

Workers are told by a file: `POINTS_FILE` names it, its text is `after_flush kill` or `after_flush stop`. The first
worker to come by that point takes the file away and obeys.
"""

import os
import signal
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from schemas.topics import TOPICS
from streams.engine import outbox

POINTS = (
    "after_fold",  # everything folded, outputs handed over, not a changelog record yet
    "after_changelog",  # changelog handed over, perhaps not sent
    "after_flush",  # everything acknowledged, offsets not sent
    "after_offsets",  # offsets sent with the transaction, not committed
    "after_commit",  # committed, state not applied
)
VARIABLE = "POINTS_FILE"
CHANGELOGS = frozenset(topic.name for topic in TOPICS if topic.compacted)
FLUSH_S = 20.0


class Telling(Producer):
    """The engine's producer, which looks for orders at each point of a transaction."""

    def begin_transaction(self) -> None:
        self._folding = True
        super().begin_transaction()

    def produce(self, topic: str, *args: Any, **options: Any) -> None:
        if self._folding and topic in CHANGELOGS:
            self._folding = False
            _pass("after_fold")
        super().produce(topic, *args, **options)

    def send_offsets_to_transaction(self, *args: Any) -> None:
        _pass("after_changelog")
        if _ordered("after_flush"):
            self.flush(FLUSH_S)
            _pass("after_flush")
        super().send_offsets_to_transaction(*args)

    def commit_transaction(self, *args: Any) -> None:
        _pass("after_offsets")
        super().commit_transaction(*args)
        _pass("after_commit")


def install() -> None:
    """Let this process's workers obey, if anybody may give orders."""
    if VARIABLE in os.environ:
        vars(outbox)["Producer"] = Telling


def _ordered(point: str) -> bool:
    try:
        return Path(os.environ[VARIABLE]).read_text().startswith(point + " ")
    except FileNotFoundError:
        return False


def _pass(point: str) -> None:
    if not _ordered(point):
        return
    mine = Path(f"{os.environ[VARIABLE]}.{os.getpid()}")
    try:
        Path(os.environ[VARIABLE]).rename(mine)  # only one succeeds
    except FileNotFoundError:
        return
    how = mine.read_text().split()[1]
    mine.unlink()
    os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGSTOP)
