"""Consumer group metadata as librdkafka writes it, for a member of Faust's own consumer (KIP-447).

`send_offsets_to_transaction` wants the metadata of a librdkafka consumer. Our member is aiokafka's, so we write the
same bytes for it: the broker then refuses the offsets of a worker whose generation has passed.
"""

from confluent_kafka import Consumer

PREFIX = b"CGMDv2:"
NO_INSTANCE, INSTANCE = b"\x01", b"\x00"


class MetadataChanged(RuntimeError):
    """librdkafka writes group metadata otherwise than we do: fencing would not work, so we refuse to start."""


def metadata(group: str, generation: int, member: str, instance: str = "") -> bytes:
    r"""Return a member's group metadata; `instance` is a static member's name.

    Raises `ValueError` for what is no member: the broker takes offsets without a generation from anyone, unfenced (it
    must, for old clients), and aiokafka forgets its generation as soon as it hears that it has been expelled.

    >>> metadata("g1", 7, "m1")
    b'CGMDv2:\x07\x00\x00\x00g1\x00m1\x00\x01'
    >>> metadata("g1", 7, "m1", "w0")
    b'CGMDv2:\x07\x00\x00\x00g1\x00m1\x00\x00w0\x00'
    """
    if generation < 0 or not member:
        raise ValueError(f"no member of {group!r}: generation {generation}, member id {member!r}")
    return _written(group, generation, member, instance)


def check() -> None:
    """Raise `MetadataChanged` unless this librdkafka writes group metadata as `metadata` does."""
    for instance in ("", "w0"):
        theirs, ours = _theirs("check", instance), _written("check", -1, "", instance)
        if theirs != ours:
            raise MetadataChanged(f"consumer_group_metadata() is {theirs!r}; we would write {ours!r}")


def _theirs(group: str, instance: str) -> bytes:
    named = {"group.instance.id": instance} if instance else {}
    consumer = Consumer({"group.id": group, "bootstrap.servers": "127.0.0.1:1", "log_level": 0, **named})
    try:
        return bytes(consumer.consumer_group_metadata())
    finally:
        consumer.close()


def _written(group: str, generation: int, member: str, instance: str) -> bytes:
    number = generation.to_bytes(4, "little", signed=True)
    named = INSTANCE + instance.encode() + b"\0" if instance else NO_INSTANCE
    return b"".join((PREFIX, number, group.encode(), b"\0", member.encode(), b"\0", named))
