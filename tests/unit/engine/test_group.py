"""Fencing rests on these bytes."""

import pytest

from streams.engine.group import check, metadata


def test_librdkafka_writes_group_metadata_as_we_do() -> None:
    check()


def test_a_member_is_told_by_generation_and_id() -> None:
    assert metadata("g", 7, "m-1") == b"CGMDv2:\x07\x00\x00\x00g\x00m-1\x00\x01"


def test_a_static_member_is_told_by_its_name_too() -> None:
    assert metadata("g", 7, "m-1", "w0") == b"CGMDv2:\x07\x00\x00\x00g\x00m-1\x00\x00w0\x00"


@pytest.mark.parametrize(("generation", "member"), [(-1, "m-1"), (7, ""), (-1, "")])
def test_who_is_no_member_gets_no_metadata_for_the_broker_would_not_fence_it(generation: int, member: str) -> None:
    with pytest.raises(ValueError, match="no member"):
        metadata("g", generation, member)
