"""Points inside a worker's round at which it can be told to die or to freeze. Installed in test workers only."""

import os
from typing import Any

from confluent_kafka import Producer

from schemas.topics import TOPICS
from streams.engine import outbox
from tests.chaos.orders import VARIABLE, ordered, pass_by

POINTS = (
    "after_fold",  # everything folded, outputs handed over, not a changelog record yet
    "after_changelog",  # changelog handed over, perhaps not sent
    "after_flush",  # everything acknowledged, offsets not sent
    "after_offsets",  # offsets sent with the transaction, not committed
    "after_commit",  # committed, state not applied
)
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
            pass_by("after_fold")
        super().produce(topic, *args, **options)

    def send_offsets_to_transaction(self, *args: Any) -> None:
        pass_by("after_changelog")
        if ordered("after_flush"):
            self.flush(FLUSH_S)
            pass_by("after_flush")
        super().send_offsets_to_transaction(*args)

    def commit_transaction(self, *args: Any) -> None:
        pass_by("after_offsets")
        super().commit_transaction(*args)
        pass_by("after_commit")


def install() -> None:
    """Let this process's workers obey, if anybody may give orders."""
    if VARIABLE in os.environ:
        vars(outbox)["Producer"] = Telling
