"""JSON schemas of what is sent here in a protocol that the collector itself reads, by path or by source."""

from schemas.keys import CANARY, RANK
from schemas.records import OutcomeKind

Json = dict[str, object]

TEXT: Json = {"type": "string"}
OURS = sorted(RANK.keys() - {CANARY[0]})  # how the ids of leads begin
NAMED: Json = {"type": "string", "minLength": 1}
ANY_OBJECT: Json = {"type": "object"}
WHEN: Json = {"type": "string", "format": "date-time"}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: tuple[str, ...] = (), **fields: Json) -> Json:
    return {"type": "object", "properties": fields, "required": list(required)}


def _call(*required: str) -> Json:
    named: Json = {"type": "object", "required": list(required)}
    return {"allOf": [_ref("Event"), named]} if required else _ref("Event")


def _listed(name: str, most: int, item: Json) -> Json:
    return _object((name,), **{name: {"type": "array", "items": item, "minItems": 1, "maxItems": most}})


SCHEMAS: Json = {
    "Trouble": _object(("success", "code", "message"), success={"const": False}, code=TEXT, message=TEXT),
    "Results": {
        **_object(("accepted", "refused"), success={"type": "boolean"}, accepted={"type": "integer"}),
        "description": "What became of a request of several events: which were refused, and why.",
    },
    "Event": {
        **_object(
            type={"enum": ["identify", "track", "page", "screen", "group", "alias"]},
            messageId={"type": "string", "maxLength": 100},
            anonymousId=TEXT,
            userId=TEXT,
            event=TEXT,
            name=TEXT,
            groupId=TEXT,
            previousId=TEXT,
            timestamp=WHEN,
            properties=ANY_OBJECT,
            traits=ANY_OBJECT,
            context=ANY_OBJECT,
        ),
        "anyOf": [{"required": ["anonymousId"]}, {"required": ["userId"]}],
    },
    "Outcome": {
        **_object(
            ("outcome_id", "outcome", "occurred_at"),
            outcome_id=NAMED,
            lead_id={"type": "string", "pattern": f"^[{''.join(OURS)}]-[0-9a-f]{{24}}$"},
            email={"type": "string", "format": "email"},
            outcome={"enum": list(OutcomeKind)},
            occurred_at=WHEN,
            reason=TEXT,
            value={"type": "number"},
        ),
        "anyOf": [{"required": ["lead_id"]}, {"required": ["email"]}],
    },
    "Snowplow": {"type": "object", "additionalProperties": {"type": "string"}, "required": ["e", "aid"]},
}

BATCH = _listed("batch", 2_500, _ref("Event"))
SEGMENT: dict[str, Json] = {
    "identify": _call(),
    "track": _call("event"),
    "page": _call(),
    "screen": _call(),
    "group": _call("groupId"),
    "alias": _call("previousId", "userId"),
    "batch": BATCH,
}
BODIES: dict[str, Json] = {
    **{f"/v1/{path}": body for name, body in SEGMENT.items() for path in (name, name[0])},
    "/v1/import": BATCH,
    "crm": {"anyOf": [_ref("Outcome"), _listed("outcomes", 2_500, _ref("Outcome"))]},
    "visitor": _object(
        ("writeKey", "anonymousId"),
        writeKey=TEXT,
        anonymousId={"type": "string", "format": "uuid"},
        consented={"type": "boolean"},
    ),
    "snowplow": _object(
        ("schema", "data"),
        schema={
            "enum": [f"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-{minor}" for minor in range(5)]
        },
        data={"type": "array", "items": _ref("Snowplow"), "minItems": 1},
    ),
    "ga4": _object(
        ("client_id", "events"),
        client_id={"type": "string", "minLength": 1},
        user_id=TEXT,
        timestamp_micros={"type": ["integer", "string"]},
        events={
            "type": "array",
            "minItems": 1,
            "maxItems": 25,
            "items": _object(("name",), name={"type": "string", "minLength": 1, "maxLength": 40}, params=ANY_OBJECT),
        },
    ),
    "canary": ANY_OBJECT,
}
QUERIES: dict[str, tuple[str, ...]] = {
    "ga4": ("measurement_id", "firebase_app_id", "api_secret"),
    "snowplow": ("e", "aid", "eid", "duid", "uid", "url", "ue_px", "cx"),
    "meta_ads": ("hub.mode", "hub.verify_token", "hub.challenge"),
    "linkedin_ads": ("challengeCode", "applicationId"),
    "mapped": ("key",),
}
