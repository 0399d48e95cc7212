"""The event's fault: a closed set of reasons why an event can never be used as it is."""

from schemas.choice import Choice


class Reason(Choice):
    """Why an event was dead-lettered. New reasons are added here and nowhere else."""

    UNPARSEABLE = "unparseable"  # the body is not the JSON, form or Avro that its source sends
    UNDECODABLE = "undecodable"  # the Kafka value is not in our wire format, or not a record of its topic
    UNKNOWN_SCHEMA = "unknown_schema"  # well framed, but nobody knows the schema id
    UNKNOWN_SOURCE = "unknown_source"  # no adapter has this name
    UNKNOWN_TYPE = "unknown_type"  # the source has no such event type
    MISSING_ID = "missing_id"  # nobody can tell whom the event is about, or which event it is
    JUNK_ID = "junk_id"  # the identifier is one of those that stand for nobody ("null", "0", ...)
    INVALID_VALUE = "invalid_value"  # a field has the wrong type or an impossible value (NaN, ...)
    FUTURE = "future"  # it says that it happens later than a wrong clock explains
    ANCIENT = "ancient"  # it says that it happened before we keep anything
    ID_CONFLICT = "id_conflict"  # an id seen before, with another payload
    TOMBSTONE = "tombstone"  # a null value where a record is due
    CRASH = "crash"  # our code raised: the event waits for the fix
    REFUSED = "refused"  # the destination refuses this lead for good


class Rejected(Exception):
    """This event can never be used as it is; `reason` says why.

    `detail` is for people: it names the field, never its value (values may be personal).
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
