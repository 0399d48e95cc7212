"""Static membership (KIP-345), as far as aiokafka lacks it: a worker that is back in time finds its place kept.

aiokafka joins under an instance id and does not leave when it stops. So a worker that returns within its session takes
its partitions up again, and no other notices. But its heartbeats do not name the instance: whoever has lost it to
another process would hear that it is unknown, join again, take the name back, and so on in turns. Told the name, the
broker answers that it is fenced.
"""

from collections.abc import Callable
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct
from aiokafka.protocol.group import HeartbeatRequest, HeartbeatResponse_v1
from aiokafka.protocol.types import Int32, Schema, String

FENCED_INSTANCE_ID = 82


class NamedHeartbeatResponse(HeartbeatResponse_v1):
    """What the broker answers; the same as to an unnamed one."""

    API_VERSION = 3


class NamedHeartbeatStruct(RequestStruct):
    """Version 3 of the request, the first that names the instance."""

    API_KEY = HeartbeatRequest.API_KEY
    API_VERSION = 3
    RESPONSE_TYPE = NamedHeartbeatResponse
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class NamedHeartbeat(Request[NamedHeartbeatStruct]):
    """A heartbeat of aiokafka's, with the instance's name added."""

    API_KEY = HeartbeatRequest.API_KEY

    def __init__(self, plain: HeartbeatRequest, instance: str) -> None:
        self._fields = (plain._group, plain._generation_id, plain._member_id, instance)

    def build(self, request_struct_class: type[NamedHeartbeatStruct]) -> NamedHeartbeatStruct:
        """Return what goes over the wire."""
        return request_struct_class(*self._fields)


def name_heartbeats(coordinator: Any, instance: str, fenced: Callable[[], None]) -> None:
    """Have a consumer's coordinator name its instance; `fenced` is called once another process has taken the name."""
    send = coordinator._send_req

    async def named(request: Any) -> Any:
        answer = await send(NamedHeartbeat(request, instance) if isinstance(request, HeartbeatRequest) else request)
        if getattr(answer, "error_code", 0) == FENCED_INSTANCE_ID:  # to a heartbeat, or where a group is joined
            fenced()
        return answer

    coordinator._send_req = named
