"""CRMs for tests: real HTTP servers on 127.0.0.1 that keep what they are sent, and answer as the real ones do.

Each can be told to be in trouble first: a status, an answer that never comes, or one that is lost after the effect.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any

from aiohttp import web

__all__ = ["Ads", "Fake", "HubSpot", "Pipedrive", "Salesforce", "Zoho", "serving"]

TOKEN = "token-1"
LOST = -1  # the effect takes place, the answer does not arrive


class Fake:
    """A CRM. `troubles` are met first, in order; `records` is what it keeps; `writes` counts what changed it."""

    def __init__(self) -> None:
        self.url = ""
        self.troubles: deque[tuple[int, Mapping[str, str]]] = deque()
        self.hang_s = 0.0
        self.says = b""  # of its troubles
        self.odd: Callable[[bytes], bytes] | None = None  # what becomes of an answer's body on its way
        self.records: dict[Any, dict[str, Any]] = {}
        self.writes: list[Any] = []
        self.tokens = 0
        self.grants: list[str] = []
        self.token_troubles: deque[tuple[int, Mapping[str, str]]] = deque()
        self.lacks: set[str] = set()  # fields that nobody has made there

    async def meet(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        body = await request.json() if request.can_read_body and "json" in request.content_type else None
        if "/token" in request.path:
            if self.token_troubles:
                status, headers = self.token_troubles.popleft()
                return web.Response(status=status, headers=headers)
            return self.token(await request.post())
        if self.hang_s:
            await asyncio.sleep(self.hang_s)
        status, headers = self.troubles.popleft() if self.troubles else (0, {})
        if status > 0:
            return web.Response(status=status, headers=headers, body=self.says)
        answer = self.answer(request, body)
        if status == LOST and request.transport is not None:
            request.transport.close()
        if self.odd and isinstance(answer.body, bytes):
            return web.Response(status=answer.status, body=self.odd(answer.body), content_type="application/json")
        return answer

    def token(self, form: Mapping[str, Any]) -> web.Response:
        """Grant a token to who has the right secret, and shows the right refresh token or needs none."""
        grant = str(form.get("grant_type"))
        if form.get("client_secret") != "secret":
            return web.json_response({"error": "invalid_client"}, status=400)
        if grant != "client_credentials" and (grant, form.get("refresh_token")) != ("refresh_token", "refresh"):
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.tokens += 1
        self.grants.append(grant)
        return web.json_response(
            {"access_token": TOKEN, "instance_url": self.url, "api_domain": self.url, "expires_in": 3600}
        )

    def answer(self, request: web.Request, body: Any) -> web.Response:
        """Do what is asked."""
        raise NotImplementedError

    def put(self, key: Any, record: dict[str, Any]) -> bool:
        """Keep a record; tells whether it is new."""
        new = key not in self.records
        self.records.setdefault(key, {}).update(record)
        self.writes.append(key)
        return new


class HubSpot(Fake):
    """Contacts: any input that is wrong spoils its batch (the legacy endpoint)."""

    def answer(self, request: web.Request, body: Any) -> web.Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return web.json_response({"status": "error", "category": "INVALID_AUTHENTICATION"}, status=401)
        if request.path.endswith("/search"):
            return web.json_response({"results": [{"id": id_} for id_ in self._like(body)]})
        if request.path.endswith("/gdpr-delete"):
            return self._delete(body)
        inputs = body["inputs"]
        if unknown := [name for one in inputs for name in one["properties"] if name in self.lacks]:
            told = f'Property values were not valid: [{{"name":"{unknown[0]}","error":"PROPERTY_DOESNT_EXIST"}}]'
            return web.json_response({"status": "error", "category": "VALIDATION_ERROR", "message": told}, status=400)
        ids = [one["id"] for one in inputs]
        wrong = [one for one in ids if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", one)]
        if wrong or len(ids) > 100 or len(set(ids)) < len(ids):
            return web.json_response({"status": "error", "category": "VALIDATION_ERROR"}, status=400)
        results = []
        for one in inputs:
            new = self.put(one["id"], one["properties"])
            stamp = "2026-11-20T09:00:00.000Z"
            results.append(
                {
                    "id": str(len(self.records)),
                    "new": new,
                    "properties": one["properties"],
                    "objectWriteTraceId": one.get("objectWriteTraceId"),
                    "createdAt": stamp,
                    "updatedAt": stamp,
                    "archived": False,
                }
            )
        return web.json_response(
            {
                "status": "COMPLETE",
                "results": results,
                "startedAt": "2026-11-20T09:00:00.000Z",
                "completedAt": "2026-11-20T09:00:00.100Z",
            }
        )

    def _like(self, body: Any) -> list[str]:
        (wanted,) = body["filterGroups"][0]["filters"]
        assert wanted["operator"] == "EQ"
        return [key for key, kept in self.records.items() if kept.get(wanted["propertyName"]) == wanted["value"]]

    def _delete(self, body: Any) -> web.Response:
        """Contacts' ids are what they were upserted by."""
        assert body.get("idProperty") != "email"
        if self.records.pop(body["objectId"], None) is None:
            return web.json_response({"status": "error", "category": "OBJECT_NOT_FOUND"}, status=404)
        return web.Response(status=204)


class Salesforce(Fake):
    """sObject collections: 200 even when rows fail. `locked` external ids are locked once each."""

    def __init__(self) -> None:
        super().__init__()
        self.locked: set[str] = set()
        self.converted: set[str] = set()
        self.contacts: dict[str, dict[str, Any]] = {}  # by record id: "003" and the lead's external id

    def answer(self, request: web.Request, body: Any) -> web.Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return web.json_response([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}], status=401)
        kind, _, id_ = request.path.rpartition("/")
        if request.method == "DELETE":
            return self._delete(id_)
        if "/composite/" not in kind:
            return self._lead(id_) if request.method == "GET" else self._contact(id_, body)
        found = re.fullmatch(r"/services/data/v[\d.]+/composite/sobjects/(\w+)/(\w+)/?", request.path)
        assert found is not None
        assert len(body["records"]) <= 200
        if any(name in self.lacks for record in body["records"] for name in record):
            return web.json_response([{"errorCode": "INVALID_FIELD", "message": "No such column"}], status=400)
        ids = [record.get(found[2]) for record in body["records"]]
        return web.json_response(
            [self._row(one, ids, record) for one, record in zip(ids, body["records"], strict=True)]
        )

    def _delete(self, id_: str) -> web.Response:
        code, status = ("UNABLE_TO_LOCK_ROW", 400) if id_ in self.locked else ("NOT_FOUND", 404)
        if id_ in self.locked or self.records.pop(id_, None) is None:
            self.locked.discard(id_)
            return web.json_response([{"errorCode": code, "message": "no"}], status=status)
        return web.Response(status=204)

    def _lead(self, id_: str) -> web.Response:
        contact = f"003{id_}" if f"003{id_}" in self.contacts else None
        return web.json_response({"attributes": {"type": "Lead"}, "ConvertedContactId": contact, "Id": "00Q1"})

    def _contact(self, id_: str, body: Any) -> web.Response:
        if code := next((f"No such column '{name}'" for name in body if name in self.lacks), ""):
            return web.json_response([{"errorCode": "INVALID_FIELD", "message": code}], status=400)
        if id_ in self.locked:
            self.locked.discard(id_)
            return web.json_response([{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "no"}], status=400)
        self.contacts[id_].update(body)
        return web.Response(status=204)

    def _row(self, id_: str, ids: list[str], record: dict[str, Any]) -> dict[str, Any]:
        code = ""
        if ids.count(id_) > 1:
            code = "DUPLICATE_VALUE"
        elif not record.get("LastName") or not record.get("Company"):
            code = "REQUIRED_FIELD_MISSING"
        elif id_ in self.converted:
            code = "CANNOT_UPDATE_CONVERTED_LEAD"
        elif id_ in self.locked:
            self.locked.discard(id_)
            code = "UNABLE_TO_LOCK_ROW"
        if code:
            return {"success": False, "errors": [{"statusCode": code, "message": "no", "fields": []}]}
        new = self.put(id_, record)
        return {"id": f"00Q{len(self.records):012}AAA", "success": True, "created": new, "errors": []}


class Pipedrive(Fake):
    """Persons and leads; nothing keeps the same lead from being made twice but looking first."""

    def __init__(self) -> None:
        super().__init__()
        self.persons: dict[int, str] = {}

    def answer(self, request: web.Request, body: Any) -> web.Response:
        if request.headers.get("x-api-token") != TOKEN:
            return web.json_response({"success": False, "error": "unauthorized access"}, status=401)
        if request.method == "DELETE":
            kind, _, id_ = request.path.rpartition("/")
            kept: dict[Any, Any] = self.persons if kind.endswith("persons") else self.records
            there = kept.pop(int(id_) if kept is self.persons else id_, None) is not None
            return web.json_response({"success": there, "data": {"id": id_}}, status=200 if there else 404)
        return web.json_response({"success": True, "data": self._found(request, body)})

    def _found(self, request: web.Request, body: Any) -> Any:
        method, path = request.method, request.path
        if path == "/api/v2/persons/search":
            there = [id_ for id_, email in self.persons.items() if email == request.query["term"]]
            return {"items": [{"result_score": 1.0, "item": {"id": id_}} for id_ in there]}
        if path == "/api/v2/leads/search":
            term = request.query["term"]
            like = [(id_, it) for id_, it in self.records.items() if term in it["title"]]
            return {
                "items": [
                    {"item": {"id": id_, "title": it["title"], "person": {"id": it["person_id"]}}} for id_, it in like
                ]
            }
        if path == "/api/v2/persons":
            self.persons[len(self.persons) + 1] = body["emails"][0]["value"]
            return {"id": len(self.persons)}
        if method == "GET":
            person = int(request.query["person_id"])
            return [{"id": id_, **lead} for id_, lead in self.records.items() if lead["person_id"] == person]
        id_ = path.rpartition("/")[2] if method == "PATCH" else f"lead-{len(self.records) + 1}"
        self.put(id_, body)
        return {"id": id_}


class Zoho(Fake):
    """Leads; each row has an answer of its own, under 200, 202 or 207. What is deleted lies in a bin."""

    def __init__(self) -> None:
        super().__init__()
        self.binned: list[dict[str, Any]] = []

    def answer(self, request: web.Request, body: Any) -> web.Response:
        if request.headers.get("authorization") != f"Zoho-oauthtoken {TOKEN}":
            return web.json_response({"code": "INVALID_TOKEN", "status": "error"}, status=401)
        if request.method == "DELETE":
            return self._delete(request.query["ids"])
        unique = body["duplicate_check_fields"][0]
        if unique in self.lacks:
            told = {"code": "INVALID_DATA", "details": {"api_name": "duplicate_check_fields"}, "status": "error"}
            return web.json_response(told, status=400)
        rows = [self._row(record, unique) for record in body["data"]]
        good = sum(row["code"] == "SUCCESS" for row in rows)
        return web.json_response({"data": rows}, status=200 if good == len(rows) else 207 if good else 202)

    def _row(self, record: dict[str, Any], unique: str) -> dict[str, Any]:
        if not record.get("Last_Name"):
            return {"code": "MANDATORY_NOT_FOUND", "status": "error", "details": {"api_name": "Last_Name"}}
        if len(str(record.get("Email") or "")) > 100:
            return {"code": "INVALID_DATA", "status": "error", "details": {"api_name": "Email"}}
        action = "insert" if self.put(record[unique], record) else "update"
        return {"code": "SUCCESS", "status": "success", "action": action, "details": {"id": record[unique]}}

    def _delete(self, id_: str) -> web.Response:
        self.binned.append(self.records.pop(id_))
        row = {"code": "SUCCESS", "status": "success", "message": "record deleted", "details": {"id": id_}}
        return web.json_response({"data": [row]})


class Ads(Fake):
    """All five ad platforms, by what is in the body: what they are told is kept by its event's id.

    `spoilt` event ids spoil the batch that they are in, where the platform takes a batch or refuses it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spoilt: set[str] = set()

    def token(self, form: Mapping[str, Any]) -> web.Response:
        """Grant a token under no instance: the URL is the sink's to know."""
        granted = super().token(form)
        return web.json_response({"access_token": TOKEN, "expires_in": 3600}) if granted.status == 200 else granted

    def answer(self, request: web.Request, body: Any) -> web.Response:
        rows = body.get("conversions") or body.get("data") or body.get("elements")
        given = (
            request.headers.get("authorization", ""),
            request.headers.get("access-token"),
            body.get("access_token"),
        )
        if not any(str(one).endswith(TOKEN) for one in given):
            return web.json_response({"error": {"message": "token"}}, status=401)
        if any(row.get("event_id") in self.spoilt for row in rows):
            if "event_source_id" in body:  # TikTok says it in a 200
                return web.json_response({"code": 40002, "message": "Invalid parameter"})
            return web.json_response({"error": {"code": 100, "message": "Invalid parameter"}}, status=400)
        for row in rows:
            self.put(row.get("orderId") or row.get("eventId") or row.get("event_id"), row)
        if "elements" in body:
            return web.json_response({"elements": [{"status": 201} for _ in rows]})
        if "conversions" in body:
            return web.json_response({"results": [{"conversionAction": row["conversionAction"]} for row in rows]})
        count = len(rows)
        return web.json_response({"code": 0, "message": "OK", "events_received": count, "eventsReceived": count})


@asynccontextmanager
async def serving(fake: Fake, tls: SSLContext | None = None) -> AsyncIterator[Fake]:
    """The CRM listens for as long as the block lasts; with `tls`, over HTTPS."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.meet)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    host, port = runner.addresses[0][:2]
    fake.url = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield fake
    finally:
        await runner.cleanup()
