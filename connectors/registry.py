"""The schemas in this package over HTTP, read-only, in the shape of Confluent's registry, for stock deserializers."""

import json

from schemas.registry import FileRegistry, UnknownSchema, subject_of

CONTENT_TYPE = b"application/vnd.schemaregistry.v1+json"
NO_SUBJECT, NO_VERSION, NO_SCHEMA = 40401, 40402, 40403

Answer = tuple[int, bytes]


class RegistryApi:
    """Answers GET requests. A subject's versions count its ids from 1, oldest first."""

    def __init__(self) -> None:
        self._registry = FileRegistry()
        self._subjects = {subject_of(record): ids for record, ids in self._registry.records().items()}

    def answer(self, path: str) -> Answer | None:
        """Return status and JSON body, None for a path that is no registry's."""
        match path.strip("/").split("/"):
            case ["subjects"]:
                return _ok(sorted(self._subjects))
            case ["subjects", subject, "versions"]:
                return self._versions(subject)
            case ["subjects", subject, "versions", version]:
                return self._versions(subject, version)
            case ["schemas", "ids", schema_id]:
                return self._by_id(schema_id)
            case ["config"] | ["config", _]:
                return _ok({"compatibilityLevel": "FULL_TRANSITIVE"})
        return None

    def _versions(self, subject: str, version: str = "") -> Answer:
        ids = self._subjects.get(subject)
        if ids is None:
            return _missing(NO_SUBJECT, "Subject not found.")
        if not version:
            return _ok(list(range(1, len(ids) + 1)))
        at = len(ids) if version == "latest" else _number(version)
        if not 1 <= at <= len(ids):
            return _missing(NO_VERSION, "Version not found.")
        schema = json.dumps(self._registry.schema_of(ids[at - 1]))
        return _ok({"subject": subject, "version": at, "id": ids[at - 1], "schemaType": "AVRO", "schema": schema})

    def _by_id(self, schema_id: str) -> Answer:
        try:
            schema = self._registry.schema_of(_number(schema_id))
        except UnknownSchema:
            return _missing(NO_SCHEMA, "Schema not found.")
        return _ok({"schemaType": "AVRO", "schema": json.dumps(schema)})


def _number(text: str) -> int:
    """Return a number of the length that ids have, -1 for anything else: Python refuses to read very long ones."""
    return int(text) if text.isdecimal() and len(text) <= 10 else -1


def _ok(body: object) -> Answer:
    return 200, json.dumps(body).encode()


def _missing(code: int, message: str) -> Answer:
    return 404, json.dumps({"error_code": code, "message": message}).encode()
