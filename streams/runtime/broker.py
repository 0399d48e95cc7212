"""Which broker we run on: for people the one that starts fastest, for tests the one nearest to production."""

from collections.abc import Sequence

from streams.runtime.docker import DockerBroker
from streams.runtime.embedded import EmbeddedBroker
from streams.runtime.external import GivenBroker
from streams.runtime.handle import BrokerHandle
from streams.runtime.kafka import LocalKafka
from streams.runtime.provider import Provider, Wish, choose

__all__ = ["FOR_PEOPLE", "FOR_TESTS", "start_broker"]

FOR_PEOPLE: Sequence[Provider[BrokerHandle]] = (GivenBroker(), EmbeddedBroker(), LocalKafka(), DockerBroker())
FOR_TESTS: Sequence[Provider[BrokerHandle]] = (GivenBroker(), DockerBroker(), LocalKafka(), EmbeddedBroker())


def start_broker(wish: Wish, name: str = "auto", order: Sequence[Provider[BrokerHandle]] = FOR_PEOPLE) -> BrokerHandle:
    """Start the first broker to be had in that order, or the one called `name`.

    Raises `UnavailableError` when there is none, `StartError` when the chosen one does not come up.
    """
    return choose(order, name).start(wish)
