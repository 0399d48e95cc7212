"""The serving view in Redis: what is kept under which key, written so that order and repetition do not matter.

    lead:<id>           hash   version, profile (JSON), route_seq, decision (JSON), into (who absorbed it), erased_at
    lead:<id>:timeline  zset   touchpoints and outcomes (JSON) by when they happened, the last `TIMELINE`
    leads:hot           zset   lead ids by score
    leads:read          hash   the next offset to read, by topic/partition

Of an erased lead only numbers are left, so that nothing older comes back; of an absorbed one, where it went.

Every write is a script: set-if-newer cannot be had from a read and a write. Nothing here is the truth: it is rebuilt
from the topics at any time. How far they were read stands beside what was read, so that a Redis that was emptied, or
is back from an older copy, says itself what it misses. Commands are those of Redis 7.2. Redis' own errors
(`redis.RedisError`) pass through.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Any, NamedTuple, cast

import msgspec
import redis

from connectors.reader import Spot
from schemas.erased import allows_again, is_erased
from schemas.records import LeadProfile, Outcome, Record, RoutedLead, Stage, Touchpoint

__all__ = ["Change", "Entry", "Forget", "Lead", "Moves", "Store"]

Moves = Mapping[Spot, tuple[int, int]]  # from which offset to which

HOT = "leads:hot"
READ = "leads:read"
TIMELINE = 50
FORWARDS = 8  # a chain of absorbed leads is followed so far, never for ever
KEEP_S = 90 * 86_400  # a timeline whose touchpoints have left their topic goes as well
COLD = (Stage.CUSTOMER, Stage.DISQUALIFIED)
UNSHOWN = ("seen", "pending", "person", "person_key")

# Who has absorbed a lead in the end.
END = """
local function the_end(id, most)
    for _ = 1, tonumber(most) do
        local into = redis.call('HGET', 'lead:' .. id, 'into')
        if not into or into == '' then break end
        id = into
    end
    return id
end
"""
# A profile sets itself when it is newer, ranks itself, and hands its timeline to whoever absorbed it in the end. Once a
# lead was erased, what is older goes; one without a body is nothing but that.
PROFILE = (
    END
    + """
local id, version, body, into, rank = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local key = 'lead:' .. id
if version <= tonumber(redis.call('HGET', key, 'version') or '-1') then return 0 end
redis.call('HSET', key, 'version', version, 'profile', body, 'into', into, 'erased_at', ARGV[8])
if rank == '' then redis.call('ZREM', 'leads:hot', id) else redis.call('ZADD', 'leads:hot', rank, id) end
local mine = key .. ':timeline'
if into ~= '' and into ~= id then
    local last = the_end(into, ARGV[10])
    local theirs = 'lead:' .. last .. ':timeline'
    redis.call('HDEL', key, 'decision')
    local held = redis.call('HMGET', 'lead:' .. last, 'profile', 'erased_at')
    if redis.call('EXISTS', mine) == 1 and held[1] ~= '' then
        redis.call('ZUNIONSTORE', theirs, 2, theirs, mine, 'AGGREGATE', 'MAX')
        redis.call('ZREMRANGEBYSCORE', theirs, '-inf', held[2] or '-inf')
        redis.call('ZREMRANGEBYRANK', theirs, 0, -1 - tonumber(ARGV[6]))
        redis.call('EXPIRE', theirs, ARGV[7])
    end
    redis.call('DEL', mine)
elseif tonumber(ARGV[8]) > 0 then
    redis.call('ZREMRANGEBYSCORE', mine, '-inf', body == '' and '+inf' or ARGV[8])
    if tonumber(redis.call('HGET', key, 'route_seq') or '-1') <= tonumber(ARGV[9]) then
        redis.call('HDEL', key, 'decision')
        redis.call('HSET', key, 'route_seq', ARGV[9])
    end
end
return 1
"""
)
# A decision sets itself when its number is higher, and its lead is still there.
DECISION = """
local key, seq = 'lead:' .. ARGV[1], tonumber(ARGV[2])
if seq <= tonumber(redis.call('HGET', key, 'route_seq') or '-1') then return 0 end
if (redis.call('HGET', key, 'into') or '') ~= '' then return 0 end
return redis.call('HSET', key, 'route_seq', seq, 'decision', ARGV[3])
"""
# A touchpoint goes to the timeline of the lead, or of the one that absorbed it. One that was erased takes in what came
# later, and as long as it is not back only what brings it back: a device can do so for who is known by one.
TOUCH = (
    END
    + """
local id, at = the_end(ARGV[1], ARGV[6]), tonumber(ARGV[2])
local held = redis.call('HMGET', 'lead:' .. id, 'profile', 'erased_at')
if at <= tonumber(held[2] or '0') then return 0 end
if held[1] == '' and ARGV[7] ~= 'named' and (ARGV[7] == '' or not string.find(id, '^[vu]%-')) then return 0 end
local key = 'lead:' .. id .. ':timeline'
redis.call('ZADD', key, ARGV[2], ARGV[3])
redis.call('ZREMRANGEBYRANK', key, 0, -1 - tonumber(ARGV[4]))
return redis.call('EXPIRE', key, ARGV[5])
"""
)
# Offsets move on from where they are known to be, or not at all: 0 when one of them was elsewhere.
MOVE = """
local known = 1
for at = 1, #ARGV, 3 do
    if redis.call('HGET', KEYS[1], ARGV[at]) ~= ARGV[at + 1] then known = 0
    elseif ARGV[at + 1] ~= ARGV[at + 2] then redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 2]) end
end
return known
"""


class Entry(NamedTuple):
    """One line of a timeline: when it happened, and what."""

    at: float
    told: dict[str, Any]


class Lead(NamedTuple):
    """A lead as the view has it. `decision` is None before the first; `asked` is the id that led here."""

    asked: str
    profile: dict[str, Any]
    decision: dict[str, Any] | None
    timeline: list[Entry]


class Forget(NamedTuple):
    """A lead that is to be forgotten."""

    lead_id: str


Change = Record | Forget


class Store:
    """Writes records into Redis and reads leads out of it. Any order, any number of times: the same view."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._profile = client.register_script(PROFILE)
        self._decision = client.register_script(DECISION)
        self._touch = client.register_script(TOUCH)
        self._move = client.register_script(MOVE)

    def places(self, spots: Set[Spot]) -> dict[Spot, int]:
        """Return the offset that each partition is to be read from: 0 when nothing of it is here."""
        asked = sorted(spots)
        with self._redis.pipeline(transaction=False) as pipe:
            for spot in asked:  # 0 is written, so that it is missed when Redis is emptied before the first move
                pipe.hsetnx(READ, _field(spot), "0")
            pipe.hmget(READ, [_field(spot) for spot in asked])
            return dict(zip(asked, map(int, pipe.execute()[-1]), strict=True))

    def write(self, changes: Iterable[Change], moves: Moves | None = None) -> bool:
        """Write a batch, in its order, in one round trip, and then that its partitions were read so far.

        False when Redis had not read up to where a move begins: some of it was lost, or another wrote.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            for change in changes:
                match change:
                    case LeadProfile(lead_id=lead_id, merged_into=into, erased_at=erased_at):
                        gone = is_erased(change)
                        rank = "" if gone or into or change.stage in COLD else repr(change.score)
                        newest = change.route_seq - (not gone)  # its decision comes by itself
                        kept = (TIMELINE, KEEP_S, erased_at, newest, FORWARDS)
                        body = b"" if gone else _json(change)
                        self._profile(args=[lead_id, change.version, body, into, rank, *kept], client=pipe)
                    case RoutedLead(lead_id=lead_id) if not change.erased_at:
                        self._decision(args=[lead_id, change.route_seq, _json(change)], client=pipe)
                    case Touchpoint(lead_id=lead_id) | Outcome(lead_id=lead_id):
                        args: list[str | float | bytes] = [
                            lead_id,
                            change.occurred_at,
                            _told(change),
                            TIMELINE,
                            KEEP_S,
                            FORWARDS,
                            _allows(change),
                        ]
                        self._touch(args=args, client=pipe)
                    case Forget(lead_id=lead_id):
                        pipe.delete(f"lead:{lead_id}", f"lead:{lead_id}:timeline")
                        pipe.zrem(HOT, lead_id)
                    case _:
                        pass  # links, merges and erasures show in the profiles they change
            steps = [step for spot, (start, end) in (moves or {}).items() for step in (_field(spot), start, end)]
            self._move(keys=[READ], args=steps, client=pipe)
            return bool(pipe.execute()[-1])

    def lead(self, lead_id: str) -> Lead | None:
        """Return a lead, or the one that absorbed it; None when neither is known."""
        found, held = lead_id, dict[bytes, bytes]()
        for _ in range(FORWARDS):
            held = cast("dict[bytes, bytes]", self._redis.hgetall(f"lead:{found}"))
            if not held.get(b"profile"):
                return None
            if not held[b"into"]:
                break
            found = held[b"into"].decode()
        key = f"lead:{found}:timeline"
        entries = cast("list[tuple[bytes, float]]", self._redis.zrange(key, 0, -1, withscores=True))
        timeline = _once([Entry(at, msgspec.json.decode(told)) for told, at in entries])
        decision = msgspec.json.decode(held[b"decision"]) if b"decision" in held else None
        return Lead(lead_id, msgspec.json.decode(held[b"profile"]), decision, timeline)

    def hottest(self, count: int) -> list[dict[str, Any]]:
        """Return the profiles of the leads with the highest scores, highest first."""
        ids = [lead_id.decode() for lead_id in cast("list[bytes]", self._redis.zrevrange(HOT, 0, count - 1))]
        with self._redis.pipeline(transaction=False) as pipe:
            for lead_id in ids:
                pipe.hget(f"lead:{lead_id}", "profile")
            return [msgspec.json.decode(body) for body in pipe.execute() if body]

    def clear(self) -> None:
        """Forget every lead. Views at work begin anew."""
        keys = [READ, *self._redis.scan_iter("lead:*", count=1000), HOT, READ]
        for at in range(0, len(keys), 1000):
            self._redis.delete(*keys[at : at + 1000])


def _field(spot: Spot) -> str:
    return f"{spot[0]}/{spot[1]}"


def _json(record: Record) -> bytes:
    fields: dict[str, object] = msgspec.to_builtins(record)
    return msgspec.json.encode({name: value for name, value in fields.items() if name not in UNSHOWN})


def _allows(record: Touchpoint | Outcome) -> str:
    """Return by whom something is allowed again, if they had been erased: `named`, a `device`, or nobody."""
    if not isinstance(record, Touchpoint) or not allows_again(record, by_device=True):
        return ""
    return "named" if allows_again(record, by_device=False) else "device"


def _once(entries: list[Entry]) -> list[Entry]:
    """Return each touchpoint once: of one that was told again, since it is not a person's, both accounts together."""
    found: dict[object, Entry] = {}
    for entry in entries:
        id_ = entry.told["id"]
        found[id_] = Entry(entry.at, {**found[id_].told, **entry.told}) if id_ in found else entry
    return list(found.values())


def _told(record: Touchpoint | Outcome) -> bytes:
    """What a timeline says of a touchpoint or an outcome: always the same bytes for the same record."""
    if isinstance(record, Outcome):
        told: dict[str, object] = {"id": record.id, "kind": f"outcome: {record.kind}", "value": record.value}
        return msgspec.json.encode(told | {"reason": record.reason})
    shown = ("id", "kind", "channel", "page", "campaign_source", "campaign_medium", "campaign_name", "value")
    told = {name: getattr(record, name) for name in shown if getattr(record, name)}
    if record.weight_reason:
        told["not_counted"] = record.weight_reason
    return msgspec.json.encode(told)
