"""How keys are made: pseudonymous ids from identifiers, and partitions from keys.

An id is a keyed hash (BLAKE2b with the pepper as its key), never a plain hash of an e-mail, which a dictionary undoes.
Its prefix says what proved it, weakest first: `v-` a visitor id, `u-` a user id of the customer's, `p-` a phone number,
`e-` an e-mail address. A lead is only ever absorbed by one of higher rank. `c-` is nobody: a canary, sent by the probe
through the whole pipeline to see how long that takes. It is scored and routed, never kept and never delivered.
"""

from functools import lru_cache
from hashlib import blake2b

RANK = {"v": 0, "u": 1, "p": 2, "e": 3, "c": 4}
CANARY = "c-"


def pseudonym(kind: str, value: str, pepper: bytes) -> str:
    """Return the pseudonymous id of an identifier: `kind` is one of `RANK`, `value` is already normalised.

    >>> pseudonym("e", "jane.doe@example.com", b"pepper")[:2]
    'e-'
    """
    return f"{kind}-{blake2b(value.encode(), digest_size=12, key=pepper, person=kind.encode()).hexdigest()}"


def rank(lead_id: str) -> int:
    """Return how strongly the id is proved; -1 when it is not one of ours.

    >>> rank("e-00"), rank("v-00"), rank("Jane")
    (3, 0, -1)
    """
    return RANK.get(lead_id[:1], -1) if lead_id[1:2] == "-" else -1


def is_canary(lead_id: str) -> bool:
    """Tell whether a lead is a canary.

    >>> is_canary("c-00"), is_canary("e-00")
    (True, False)
    """
    return lead_id.startswith(CANARY)


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition that Kafka's default partitioner gives a key (murmur2, as the Java client has it).

    Source: `org.apache.kafka.common.utils.Utils.murmur2`.

    >>> partition_of(b"kafka", 1000)
    580
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(key: bytes) -> int:
    """Return the unsigned 32-bit murmur2 of `key` with Kafka's seed.

    >>> murmur2(b"21") - (1 << 32)  # Kafka's own test vector, there as a signed number
    -973932308
    """
    m, mask, length = 0x5BD1E995, 0xFFFFFFFF, len(key)
    h = 0x9747B28C ^ length
    whole = length & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * m & mask
        k ^= k >> 24
        h = (h * m & mask) ^ (k * m & mask)
    if whole < length:
        h = ((h ^ int.from_bytes(key[whole:], "little")) * m) & mask
    h = (h ^ (h >> 13)) * m & mask
    return h ^ (h >> 15)
