"""The faults. To add one: an async function over the world in the file of its kind, and its name in `FAULTS`.

A case names it (`do: kill_worker`) and gives its options; it returns when the fault is over and what it broke is whole.
"""

from collections.abc import Awaitable, Callable

from tests.chaos.faults import beside, collectors, disk, links, nodes, records, senders, workers

Fault = Callable[..., Awaitable[None]]

FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        workers.kill_worker,
        workers.crash_worker,
        workers.freeze_worker,
        workers.roll_workers,
        workers.come_and_go,
        workers.kill_workers,
        workers.leave_worker,
        collectors.kill_collector,
        nodes.kill_leader,
        nodes.freeze_leader,
        nodes.kill_nodes,
        nodes.kill_nodes_and_workers,
        nodes.kill_nodes_and_scale_in,
        nodes.start_without_nodes,
        links.half_open,
        links.reset_links,
        records.poison,
        records.misaddress,
        records.repeat,
        senders.burst,
        senders.collide,
        senders.heat,
        senders.spoil,
        disk.fill_disk,
        beside.redis_down,
        beside.flush_redis,
        beside.sick_crm,
    )
}
