"""`python -m tests.chaos.doomed`: the collector as it is, which dies at a point of a request when it is told to."""

import os

from connectors import collector
from connectors.collector import run
from connectors.outbox import Letter, Outbox
from connectors.settings import CollectorSettings
from tests.chaos.orders import ordered, pass_by

POINTS = (
    "mid_batch",  # the first half of a batch acknowledged, the rest not even handed over
    "after_produce",  # everything handed over, nothing known of it
    "after_ack",  # everything acknowledged, the sender not yet answered
)
FLUSH_S = 5.0


class Telling(Outbox):
    """The collector's outbox, which looks for orders at each point of a request."""

    async def deliver(self, letters: list[Letter]) -> None:
        if len(letters) > 1 and ordered("mid_batch"):
            self._hand_over(letters[: len(letters) // 2])
            self._producer.flush(FLUSH_S)
            pass_by("mid_batch")
        if ordered("after_produce"):
            self._hand_over(letters)
            pass_by("after_produce")
        await super().deliver(letters)
        pass_by("after_ack")

    def _hand_over(self, letters: list[Letter]) -> None:
        for topic, key, value, partition, _ in letters:
            self._producer.produce(topic, value, key, partition)


if __name__ == "__main__":
    vars(collector)["Outbox"] = Telling
    run(CollectorSettings.read(os.environ))
