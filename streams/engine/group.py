"""Consumer group metadata as librdkafka writes it, for a member of Faust's own consumer (KIP-447).

`send_offsets_to_transaction` wants the metadata of a librdkafka consumer. Our member is aiokafka's, so we write the
same bytes for it: the broker then refuses the offsets of a worker whose generation has passed.
"""

from confluent_kafka import Consumer

PREFIX = b"CGMDv2:"
NO_INSTANCE = b"\x01"


class MetadataChanged(RuntimeError):
    """librdkafka writes group metadata otherwise than we do: fencing would not work, so we refuse to start."""


def metadata(group: str, generation: int, member: str) -> bytes:
    r"""Return group metadata of a dynamic member.

    Raises `ValueError` for what is no member: the broker takes offsets without a generation from anyone, unfenced (it
    must, for old clients), and aiokafka forgets its generation as soon as it hears that it has been expelled.

    >>> metadata("g1", 7, "m1")
    b'CGMDv2:\x07\x00\x00\x00g1\x00m1\x00\x01'
    """
    if generation < 0 or not member:
        raise ValueError(f"no member of {group!r}: generation {generation}, member id {member!r}")
    return _written(group, generation, member)


def check() -> None:
    """Raise `MetadataChanged` unless this librdkafka writes group metadata as `metadata` does."""
    consumer = Consumer({"group.id": "check", "bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    try:
        theirs = bytes(consumer.consumer_group_metadata())
    finally:
        consumer.close()
    if theirs != _written("check", -1, ""):
        raise MetadataChanged(
            f"consumer_group_metadata() starts with {theirs[:8]!r}; expected {PREFIX!r} in our layout"
        )


def _written(group: str, generation: int, member: str) -> bytes:
    number = generation.to_bytes(4, "little", signed=True)
    return b"".join((PREFIX, number, group.encode(), b"\0", member.encode(), b"\0", NO_INSTANCE))
