"""Who gets which partitions: of each topic, each worker as many as any other, give or take one, in few moves.

Faust's assignor fills workers up to ceil(partitions / workers) and leaves them what they have: a third worker that
joins two finds none of four partitions, a fifth none of twelve. Told to keep no standbys it spreads them, but which
ones move hangs on the order in which it hears of the workers. So it is told instead that each worker already holds its
share; it keeps whatever is balanced.
"""

from collections.abc import Mapping, Set
from typing import Any

from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.assignor import PartitionAssignor
from faust.assignor.client_assignment import ClientAssignment, ClientMetadata


def balance(held: Mapping[str, Set[int]], partitions: int, load: Mapping[str, int]) -> dict[str, set[int]]:
    """Return each member's share of `partitions`; `load` = how many it has of other topics.

    >>> balance({"a": {0, 1}, "b": {2, 3}, "c": set()}, 4, {})
    {'a': {0, 1}, 'b': {2}, 'c': {3}}
    """
    unclaimed, kept = set(range(partitions)), dict[str, list[int]]()
    for member in sorted(held, key=lambda name: (len(held[name]), name)):  # who claims more was away and has lost some
        kept[member] = sorted(unclaimed & held[member])
        unclaimed -= held[member]
    least, more = divmod(partitions, len(held))
    first = sorted(kept, key=lambda member: (len(kept[member]) <= least, load.get(member, 0), member))
    room = {member: least + (place < more) for place, member in enumerate(first)}
    shares = {member: set(kept[member][: room[member]]) for member in held}
    free = sorted(set(range(partitions)).difference(*shares.values()))
    for member, share in shares.items():
        lacking = room[member] - len(share)
        share.update(free[:lacking])
        del free[:lacking]
    return shares


class Assignor(PartitionAssignor):
    """Faust's, of balanced shares. Topics with the same number of partitions stay together, partition by partition."""

    def _perform_assignment(self, cluster: Any, member_metadata: Mapping[str, ConsumerProtocolMemberMetadata]) -> Any:
        return super()._perform_assignment(cluster, self._balanced(cluster, member_metadata))

    def _balanced(
        self, cluster: Any, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberMetadata]:
        """Return what the members say of themselves, but for what they hold: that is their share."""
        told: dict[str, ClientMetadata] = {name: self._get_client_metadata(of) for name, of in members.items()}
        topics = {name: list(of.subscription) for name, of in members.items()}
        groups = self._get_copartitioned_groups(set[str]().union(*topics.values()), cluster, topics)
        shares: dict[str, dict[str, list[int]]] = {name: {} for name in members}
        load = dict.fromkeys(members, 0)
        for partitions, group in sorted(groups.items()):  # the small have no choice: the large make up for them
            for together in sorted(group, key=min):
                held = {
                    name: told[name].assignment.copartitioned_assignment(together).actives
                    for name, of in topics.items()
                    if together.issubset(of)
                }
                for name, share in balance(held, partitions, load).items():
                    shares[name] |= dict.fromkeys(together, sorted(share))
                    load[name] += len(share) * len(together)
        return {
            name: ConsumerProtocolMemberMetadata(of.version, of.subscription, _holding(told[name], shares[name]))
            for name, of in members.items()
        }


def _holding(told: ClientMetadata, actives: dict[str, list[int]]) -> bytes:
    told.assignment = ClientAssignment(actives=actives, standbys={})
    return bytes(told.dumps())
