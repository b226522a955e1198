"""Every operation of the OpenAPI document, with a request for each that would be answered well.

Hostile input is made by spoiling one thing of such a request, so a refusal is about that thing.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

Json = dict[str, Any]
# Parts of a policy, exact and in lowest terms.
FRACTIONS = (
    "livelihood", "gift", "care", "governance", "members_share", "loss_to_reserve", "threshold",
    "quorum",
)  # fmt: skip
# Texts that fit where a pattern or a rule wants more than just some words.
KNOWN_TEXTS = {
    "handle": "somebody",
    "language": "en",
    "languages": "en",
    "email": "somebody@example.org",
    "time_zone": "Europe/Madrid",
    "site": "https://example.org",
    "link": "https://example.org",
    "slug": "wordpress",
    "worked_on": "2026-03-02",
    "deadline": "2090-12-24",
    "starts_on": "2090-12-01",
    "currency": "EUR",
    "stream": "gift",
    "kind": "rescue",
    "urgency": "high",
    "skill": "wordpress",
    "stuck": "Our site is down.",
    "address": "somebody@example.org",
    "signal": "somebody.01",
    "url": "https://example.org/callback",
    "origin": "https://peer.example",
    "password": "verd oliva 41",
    "current_password": "verd oliva 41",
    "token": "not-the-token-of-this-start",
    "to": "withdrawn",
    "outcome_hash": "0" * 64,
    **dict.fromkeys(FRACTIONS, "1/2"),
}
SOME_ID = "3f0c5b0e-7b5a-4f1e-9c51-0d6a2c1f8a77"
SOME_MOMENT = "2026-03-02T08:00:00Z"
SOME_DAY = "2026-03-02"


@dataclass(frozen=True)
class Operation:
    """One method of one path: its parameters and the schema of its JSON body, if it has one."""

    method: str
    path: str
    path_names: tuple[str, ...]
    query: Mapping[str, Json]
    body: Json | None
    media_type: str | None
    schemas: Mapping[str, Json] = field(repr=False)

    def __str__(self) -> str:
        """Name it as a reader of the API would."""
        return f"{self.method} {self.path}"

    def url(self, ids: Mapping[str, str]) -> str:
        """Fill the path with ids of things that are there."""
        filled = self.path
        for name in self.path_names:
            known = KNOWN_TEXTS.get(name, SOME_ID)
            filled = filled.replace(f"{{{name}}}", ids.get(name, known))
        return filled

    def sample(self, ids: Mapping[str, str]) -> Json:
        """Return a body that lacks nothing."""
        assert self.body is not None
        made = _sample(self.body, "", self.schemas, ids)
        assert isinstance(made, dict)
        return made


def operations(application: FastAPI) -> list[Operation]:
    """Return every operation that the application says it has."""
    document = application.openapi()
    schemas = document["components"]["schemas"]
    found = []
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            parameters = said.get("parameters", [])
            content = said.get("requestBody", {}).get("content", {})
            kind = next(iter(content), None)
            found.append(
                Operation(
                    method=method.upper(),
                    path=path,
                    path_names=tuple(p["name"] for p in parameters if p["in"] == "path"),
                    query={p["name"]: p["schema"] for p in parameters if p["in"] == "query"},
                    body=content[kind]["schema"] if kind == "application/json" else None,
                    media_type=kind,
                    schemas=schemas,
                )
            )
    return found


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Name every place in a JSON value, the whole first."""
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*at, index))


def spoil(value: Any, at: tuple[str | int, ...], other: Any) -> Any:
    """Return a copy of a JSON value with something else at one place."""
    if not at:
        return other
    copied = deepcopy(value)
    inner = copied
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = other
    return copied


def value_at(value: Any, at: tuple[str | int, ...]) -> Any:
    """Return what stands at a place."""
    for step in at:
        value = value[step]
    return value


def _sample(schema: Json, name: str, schemas: Mapping[str, Json], ids: Mapping[str, str]) -> Any:
    if "$ref" in schema:
        return _sample(schemas[schema["$ref"].rpartition("/")[2]], name, schemas, ids)
    if "anyOf" in schema:
        return _sample(schema["anyOf"][0], name, schemas, ids)
    if schema.get("type") == "object":
        inner = schema.get("properties", {})
        return {key: _sample(value, key, schemas, ids) for key, value in inner.items()}
    if schema.get("type") == "array":
        return [_sample(schema["items"], name, schemas, ids)] * max(1, schema.get("minItems", 1))
    return _simple(schema, name, ids)


def _simple(schema: Json, name: str, ids: Mapping[str, str]) -> Any:
    if "enum" in schema or "const" in schema:
        return [schema.get("const"), *schema.get("enum", [])][-1]
    if schema.get("format") == "uuid":
        return ids.get(name, SOME_ID)
    if schema.get("format") == "date-time":
        return SOME_MOMENT
    if schema.get("format") == "date":
        return KNOWN_TEXTS.get(name, SOME_DAY)
    whole = max(int(schema.get("minimum", 1)), 1)  # the document writes it as 1.0
    return {"integer": whole, "boolean": False}.get(schema["type"], KNOWN_TEXTS.get(name, "words"))
