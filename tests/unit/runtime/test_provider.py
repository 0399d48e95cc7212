import pytest

from streams.runtime.broker import FOR_PEOPLE, FOR_TESTS
from streams.runtime.embedded import EmbeddedBroker
from streams.runtime.external import GivenBroker, GivenRedis
from streams.runtime.handle import NotOursError, UnavailableError
from streams.runtime.kafka import LocalKafka
from streams.runtime.provider import Wish, choose

ADDRESS = "broker.example:9092"


def given(address: str) -> GivenBroker:
    return GivenBroker({"KAFKA_BOOTSTRAP_SERVERS": address} if address else {})


def test_people_get_the_broker_that_starts_fastest_and_tests_the_one_nearest_to_production() -> None:
    assert [provider.name for provider in FOR_PEOPLE] == ["given", "embedded", "kafka", "docker"]
    assert [provider.name for provider in FOR_TESTS] == ["given", "docker", "kafka", "embedded"]


def test_the_first_provider_that_can_serve_is_chosen() -> None:
    embedded = EmbeddedBroker({})
    assert choose((given(ADDRESS), embedded)).name == "given"
    assert choose((given(""), embedded)).name == "embedded"


def test_a_provider_asked_for_by_name_is_not_replaced() -> None:
    with pytest.raises(UnavailableError, match="given: KAFKA_BOOTSTRAP_SERVERS is not set"):
        choose((given(""), EmbeddedBroker({})), "given")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnavailableError, match="auto, given, kafka"):
        choose((given(""), LocalKafka()), "kafak")


def test_every_refusal_is_told_when_nothing_can_serve() -> None:
    nothing = EmbeddedBroker({"LEADSTREAM_DEVBROKER_BIN": "/nowhere/devbroker"})
    with pytest.raises(UnavailableError, match="KAFKA_BOOTSTRAP_SERVERS is not set; embedded: /nowhere/devbroker"):
        choose((given(""), nothing))


def test_a_server_that_was_given_is_neither_killed_nor_stopped(tmp_path_factory: pytest.TempPathFactory) -> None:
    wish = Wish(tmp_path_factory.mktemp("given"))
    for handle in (given(ADDRESS).start(wish), GivenRedis({"REDIS_URL": "redis://view.example:6379/0"}).start(wish)):
        handle.stop()
        with pytest.raises(NotOursError):
            handle.kill()
        with pytest.raises(NotOursError):
            handle.restart()
