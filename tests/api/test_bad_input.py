"""Every operation meets hostile input from everybody: a problem, never a 500, nothing echoed.

Operations, places, values and people are too many for all of their combinations: the values take
turns, so each operation meets several, and each value meets many operations.
"""

import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice, product
from typing import Any, Generic, TypeVar

import httpx
import pytest

from app.infra.logging import configure_logging
from tests.factories.operations import (
    SOME_ID,
    Operation,
    operations,
    places,
    spoil,
    value_at,
)
from tests.factories.world import Person, World

T = TypeVar("T")
CANARY = "kanari-83-never-seen-again"
NUL_BYTE, LONE_BYTES = b'"a\x00b"', b'"a\xed\xa0\x80b"'
# Values that fit nowhere, as JSON texts: the strict parser or the shapes refuse each of them.
NOWHERE = {
    "nul escaped": rb'"a\u0000b"',
    "nul raw": NUL_BYTE,
    "lone surrogate escaped": rb'"a\ud800b"',
    "lone low surrogate escaped": rb'"\udc00"',
    "lone surrogate raw": LONE_BYTES,
    "invalid utf-8": b'"caf\xe9"',
    "beyond 2^63": str(2**63).encode(),
    "far below -2^63": str(-(2**63) - 1).encode(),
    "5,000 digits": b"9" * 5_000,
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "1e400": b"1e400",
    "duplicate keys": b'{"a": 1, "a": 2}',
    "deep array": b"[" * 100_000 + b"]" * 100_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "comment": b"1 /* one */",
}
# Values of a wrong kind: refused wherever the good request holds something of another kind.
WRONG = [2**31, -1, 2**62, 1.5, [], [[]], {}, {"a": {}}, "", "x" * 30_000, [CANARY], True, None]
WHOLE_BODIES = {
    "nothing": b"",
    "array": b"[]",
    "array of objects": b"[{}]",
    "text": b'"text"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
    "not JSON": b"not json",
    "half": b'{"a": ',
    "two": b"{}{}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "deep": b"[" * 100_000,
    "form": b"a=1&b=2",
    **{f"only {name}": value for name, value in NOWHERE.items()},
}
NUL_PATHS = ("%00", "a%00b", "%ff", "%ed%a0%80", "%2e%2e%2f", "%2F", "a" * 4_000, "١٢٣")
WRONG_IDS = ("1", "0", "-1", "null", "not-an-id", "0" * 31, "9" * 400, SOME_ID + "x", "%7B%7D")


class Turns(Generic[T]):
    """Values that take turns: each is used about as often, and not everything with everything."""

    def __init__(self, values: Iterable[T]) -> None:
        self._values = cycle(values)

    def take(self, count: int) -> list[T]:
        return list(islice(self._values, count))


@dataclass
class Arena:
    """An instance with something of everything, and the four kinds of people who ask."""

    world: World
    ids: dict[str, str]
    actors: dict[str, Person]
    operations: list[Operation] = field(default_factory=list)

    def with_json(self) -> list[Operation]:
        """The operations that read a JSON body."""
        return [operation for operation in self.operations if operation.body is not None]


@pytest.fixture
async def arena(world: World) -> Arena:
    owner = await world.sign_up("owner")
    worker = await world.sign_up("worker")
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation, places=3)
    claim = await worker.post(f"/needs/{need['id']}/claims", {})
    await owner.move(f"/claims/{claim['id']}", "accepted")
    log = await worker.post(
        f"/claims/{claim['id']}/work-logs", {"worked_on": "2026-03-02", "minutes": 30}
    )
    scopes = ["needs:read", "needs:write", "claims:read", "claims:write", "ledger:read",
              "organisations:write", "profile:write"]  # fmt: skip
    token = await owner.post("/me/tokens", {"name": "tool", "scopes": scopes})
    tool = world.stranger()
    tool.http.headers["Authorization"] = f"Bearer {token['token']}"
    ids = {
        "organisation_id": organisation["id"],
        "need_id": need["id"],
        "claim_id": claim["id"],
        "log_id": log["id"],
        "account_id": worker.id,
        "token_id": token["id"],
    }
    actors = {
        "anonymous": world.stranger(),
        "person": owner,
        "steward": await world.set_up(),
        "token": tool,
    }
    return Arena(world, ids, actors, operations(world.application))


async def ask(
    arena: Arena,
    person: Person,
    operation: Operation,
    *,
    content: bytes | None = None,
    url: str | None = None,
    headers: Sequence[tuple[str, bytes | str]] = (),
) -> httpx.Response:
    """Send one request as raw as it must be."""
    sent: list[tuple[bytes, bytes]] = [
        (b"idempotency-key", b"k"), (b"if-match", b'"1"'),
    ]  # fmt: skip
    if content is not None:
        sent.append((b"content-type", b"application/json"))
    for name, value in headers:
        raw = value if isinstance(value, bytes) else value.encode()
        sent = [pair for pair in sent if pair[0] != name.encode()] + [(name.encode(), raw)]
    request = person.http.build_request(
        operation.method, url or operation.url(arena.ids), content=content
    )
    request.headers = httpx.Headers([
        *[pair for pair in request.headers.raw if pair[0].lower() not in dict(sent)], *sent,
    ])  # fmt: skip
    return await person.http.send(request)


def refused(answer: httpx.Response, *, least: int = 400) -> str:
    """Say what is wrong with a refusal; nothing when it is as promised."""
    if not least <= answer.status_code < 500:
        return f"answered {answer.status_code} {answer.text[:200]}"
    if answer.headers.get("content-type") != "application/problem+json":
        return f"is a {answer.headers.get('content-type')}"
    problem = answer.json()
    missing = {"type", "title", "status", "detail", "instance", "code", "errors"} - set(problem)
    if missing or not problem["code"] or not problem["detail"] or not problem["title"]:
        return f"lacks {missing}: {problem}"
    if problem["status"] != answer.status_code:
        return "says another status"
    texts = [problem["title"], problem["detail"], *(e["message"] for e in problem["errors"])]
    if any("{" in text for text in texts):
        return f"has a text with an open place: {texts}"
    said = answer.text.lower()
    leaks = [word for word in ("traceback", "asyncpg", ".py", "sqlalchemy", CANARY) if word in said]
    return f"tells {leaks}: {problem}" if leaks else ""


def dump(value: Any, at: tuple[str | int, ...], raw: bytes) -> bytes:
    """Write a JSON value with a raw text at one place."""
    mark = "@@here@@"
    return json.dumps(spoil(value, at, mark)).encode().replace(f'"{mark}"'.encode(), raw)


async def test_the_good_requests_are_good(arena: Arena) -> None:
    """Otherwise what follows would be refused for another reason than the one under test."""
    bad = []
    for operation in arena.with_json():
        answer = await ask(
            arena,
            arena.actors["steward" if "transitions" in operation.path else "person"],
            operation,
            content=json.dumps(operation.sample(arena.ids)).encode(),
        )
        if answer.status_code >= 500 or answer.json().get("code") in {
            "validation_failed", "json_expected", "json_syntax",
        }:  # fmt: skip
            bad.append(f"{operation}: {answer.status_code} {answer.json()['errors']}")
    assert bad == []
    assert len(arena.operations) > 30


async def test_what_fits_nowhere_is_refused(arena: Arena) -> None:
    bad = []
    names = Turns(NOWHERE)
    for operation in arena.with_json():
        sample = operation.sample(arena.ids)
        some = list(places(sample))[1:]
        asked = [
            (who, at) for who in arena.actors for at in (some if who == "person" else some[:1])
        ]
        for (who, at), name in ((each, name) for each in asked for name in names.take(3)):
            content = dump(sample, at, NOWHERE[name])
            wrong = refused(await ask(arena, arena.actors[who], operation, content=content))
            if wrong:
                bad.append(f"{name}: {who} {operation} {at}: {wrong}")
    assert bad == []


async def test_a_wrong_kind_of_value_is_refused(arena: Arena) -> None:
    bad = []
    values = Turns(WRONG)
    for operation in arena.with_json():
        sample = operation.sample(arena.ids)
        some = list(places(sample))[1:]
        for at, value in ((at, value) for at in some for value in values.take(4)):
            held = value_at(sample, at)
            content = json.dumps(spoil(sample, at, value)).encode()
            answer = await ask(arena, arena.actors["person"], operation, content=content)
            # Null, an empty list or a flag may be what a field takes; all else is refused.
            fits = value in (None, "", True) or isinstance(value, list) or type(held) is type(value)
            wrong = refused(answer) if not fits or answer.status_code >= 400 else ""
            if wrong:
                bad.append(f"{value!r:.20} {operation} {at}: {wrong}")
    assert bad == []


async def test_a_body_that_is_no_object_is_refused(arena: Arena) -> None:
    bad = []
    names = Turns(WHOLE_BODIES)
    for operation, (who, person) in product(arena.with_json(), arena.actors.items()):
        for name in WHOLE_BODIES if who == "person" else names.take(4):
            answer = await ask(arena, person, operation, content=WHOLE_BODIES[name])
            if wrong := refused(answer):
                bad.append(f"{name}: {who} {operation}: {wrong}")
    assert bad == []


async def test_unknown_and_repeated_fields_are_refused(arena: Arena) -> None:
    bad = []
    for operation in arena.with_json():
        sample = operation.sample(arena.ids)
        first, *_ = sample
        unknown = json.dumps({**sample, "surprise": CANARY}).encode()
        twice = json.dumps(sample).encode()[:-1] + b', "' + first.encode() + b'": 1}'
        for who, person in arena.actors.items():
            answers = [await ask(arena, person, operation, content=c) for c in (unknown, twice)]
            bad += [f"{who} {operation}: {w}" for w in map(refused, answers) if w]
    assert bad == []


async def test_texts_beyond_all_measure_are_refused(arena: Arena) -> None:
    bad = []
    for operation, size in product(arena.with_json(), (900_000, 10_000_000)):
        sample = operation.sample(arena.ids)
        texts = [at for at in places(sample) if isinstance(value_at(sample, at), str)]
        for at in texts[:2]:
            content = dump(sample, at, b'"' + b"x" * size + b'"')
            answer = await ask(arena, arena.actors["person"], operation, content=content)
            wrong = refused(answer)
            if size > 1_048_576 and answer.status_code != 413:
                wrong = f"read {size} bytes and answered {answer.status_code}"
            if wrong:
                bad.append(f"{operation} {at}: {wrong}")
    assert bad == []


WRONG_KINDS: list[tuple[str, bytes | str]] = [
    ("content-type", "text/plain"),
    ("content-type", "text/html"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("content-type", "multipart/form-data; boundary=x"),
    ("content-type", "application/xml"),
    ("content-type", ""),
    ("content-type", b"application/json\xff"),
    ("content-encoding", "gzip"),
    ("content-encoding", "br"),
    ("content-encoding", "identity, gzip"),
    ("content-length", b"\xb2"),  # a superscript two: a digit to Python, no number
    ("content-length", "9" * 5_000),
    ("content-length", "2000000000"),
]


async def test_wrong_media_types_and_encodings_are_refused(arena: Arena) -> None:
    bad = []
    kinds = Turns(WRONG_KINDS)
    for operation, (who, person) in product(arena.with_json(), arena.actors.items()):
        sample = json.dumps(operation.sample(arena.ids)).encode()
        for header in kinds.take(5):
            # A length that is no number says nothing: what is sent is read, and refused for itself.
            content = b"[" if header[1] == b"\xb2" else sample
            answer = await ask(arena, person, operation, content=content, headers=[header])
            if wrong := refused(answer):
                bad.append(f"{header!r:.60} {who} {operation}: {wrong}")
    assert bad == []


def hostile_queries(operation: Operation) -> Iterator[str]:
    """Queries that no operation takes."""
    yield from ("?surprise=1", "?%00=1", "?limit=1%00", f"?{'s' * 900}=1")
    for name, schema in operation.query.items():
        yield from (
            f"?{name}=a%00b",
            f"?{name}=%ff",
            f"?{name}=%ed%a0%80",
            f"?{name}={'x' * 6_000}",
        )
        if schema.get("type") == "integer" or "integer" in str(schema):
            numbers = ("-1", "0", "101", str(2**31), str(2**63), "9" * 5_000, "NaN", "1e3", "1.5")
            yield from (f"?{name}={number}" for number in numbers if not fits(schema, number))


def fits(schema: dict[str, Any], number: str) -> bool:
    """Say whether a number is one that this parameter takes."""
    limits = next(s for s in (schema, *schema.get("anyOf", [])) if s.get("type") == "integer")
    return number.isdigit() and limits["minimum"] <= int(number[:30]) <= limits["maximum"]


async def test_hostile_queries_are_refused(arena: Arena) -> None:
    bad = []
    for operation, (who, person) in product(arena.operations, arena.actors.items()):
        if not operation.path.startswith("/api/"):
            continue
        queries = list(hostile_queries(operation))
        for query in queries if who == "person" else queries[:2]:
            content = b"{}" if operation.body is not None else None
            url = operation.url(arena.ids) + query
            wrong = refused(await ask(arena, person, operation, url=url, content=content))
            if wrong:
                bad.append(f"{who} {operation} {query[:40]}: {wrong}")
    assert bad == []


CURSORS = [
    "", "x", "=", "%%", "W10", "WzFd", "bnVsbA", "eyJhIjoxfQ", "W251bGxd", "WyIxIiwgIjIiXQ",
    "WyLCsiJd",  # ["²"]: a digit to Python, no number
    "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwgIjNmMGM1YjBlLTdiNWEtNGYxZS05YzUxLTBkNmEyYzFmOGE3NyJd",
    "WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwgIjNmMGM1YjBlLTdiNWEtNGYxZS05YzUxLTBkNmEyYzFmOGE3NyJd",
    "WyJcdWQ4MDAiXQ", "WyJcdWQ4MDAiLCAiXHVkODAwIl0", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTkiXQ",
    "W1tbW1tbW1tbW1tbW1tbW1tb", "x" * 512,
]  # fmt: skip


async def test_cursors_that_are_not_ours_are_refused_or_harmless(arena: Arena) -> None:
    bad = []
    for operation in arena.operations:
        if "cursor" not in operation.query:
            continue
        for cursor in CURSORS:
            for who in ("anonymous", "person", "steward"):
                url = f"{operation.url(arena.ids)}?cursor={cursor}"
                answer = await ask(arena, arena.actors[who], operation, url=url)
                if answer.status_code != 200 and (wrong := refused(answer)):
                    bad.append(f"{who} {operation} {cursor}: {wrong}")
    assert bad == []


async def test_hostile_paths_and_ids_are_refused(arena: Arena) -> None:
    bad = []
    values = Turns((*NUL_PATHS, *WRONG_IDS))
    for operation, (who, person) in product(arena.operations, arena.actors.items()):
        for name in operation.path_names:
            for value in values.take(9 if who == "person" else 2):
                url = operation.url({**arena.ids, name: value})
                content = b"{}" if operation.body is not None else None
                wrong = refused(await ask(arena, person, operation, url=url, content=content))
                if wrong:
                    bad.append(f"{who} {operation} {value[:20]}: {wrong}")
    for path in ("/api/v1/nothing", "/api/v1", "/api/v1/needs/", "//api/v1/needs", "/api/v1/%ff"):
        answer = await arena.actors["person"].http.get(path)
        if wrong := refused(answer):
            bad.append(f"{path}: {wrong}")
    assert bad == []


async def test_methods_nobody_offers_are_refused(arena: Arena) -> None:
    methods = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
    paths = ("/api/v1/needs", "/api/v1/instance", "/livez", "/api/v1/me/contributions")
    for method, path in product(methods, paths):
        answer = await arena.actors["person"].http.request(method, path)
        assert refused(answer) == "", path
        assert answer.status_code == 405, path
        assert answer.headers["allow"]


HOSTILE_HEADERS: list[tuple[str, bytes | str]] = [
    ("host", b"["), ("host", b"[::1"), ("host", b"\xff\xfe"), ("host", "evil.example:99999999"),
    ("host", "a@b"), ("host", ""), ("host", "a" * 9_000), ("accept-language", b"\xff\xff"),
    ("accept-language", "x" * 9_000), ("accept-language", "el;q=NaN,ca;q=1e400,nl;q="),
    ("accept", b"\xff"), ("cookie", b"tornallom=\xff\x01"), ("cookie", "tornallom=" + "x" * 9_000),
    ("authorization", b"Bearer \xff"), ("authorization", "Bearer"), ("authorization", "Basic YTpi"),
    ("authorization", "Bearer tln_" + CANARY), ("if-match", b"\xff"), ("if-match", 'W/"1"'),
    ("if-match", "²".encode("latin-1")), ("if-match", "9" * 5_000), ("if-match", "*"),
    ("idempotency-key", b"\xff"), ("idempotency-key", ""), ("idempotency-key", "k" * 300),
    ("origin", "null"), ("origin", "https://evil.example"), ("origin", b"\xff"),
    ("sec-fetch-site", "cross-site"), ("x-forwarded-host", "evil.example"),
]  # fmt: skip


async def test_hostile_headers_break_nothing(arena: Arena) -> None:
    bad = []
    some = Turns(HOSTILE_HEADERS)
    for operation, (who, person) in product(arena.operations, arena.actors.items()):
        for header in some.take(5):
            # A body that is refused anyway: whatever a header does, it is no 500 and no 200.
            content = b'{"surprise": 1}' if operation.body is not None else None
            url = operation.url({}) + ("?surprise=1" if operation.method == "GET" else "")
            answer = await ask(arena, person, operation, content=content, url=url, headers=[header])
            unread = operation.method == "DELETE" or not operation.path.startswith("/api/")
            if answer.status_code >= 400 or not unread:
                wrong = refused(answer)
                if wrong:
                    bad.append(f"{header!r:.40} {who} {operation}: {wrong}")
            assert "evil.example" not in str(answer.headers), operation
    assert bad == []


async def test_raw_bytes_in_a_query_are_refused(arena: Arena) -> None:
    """Servers hand on what they were sent: bytes that no UTF-8 is made of included."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/api/v1/needs", "raw_path": b"/api/v1/needs", "query_string": b"q=caf\xe9",
        "root_path": "", "headers": [(b"host", b"127.0.0.1:8080")], "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await arena.world.application(scope, receive, send)
    assert sent[0]["status"] == 400
    assert json.loads(sent[1]["body"])["code"] == "json_not_utf8"


DATES = ["0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31", "9999-12-31T23:59:59-14:00",
         "0000-00-00", "-0001-01-01", "2026-02-30", "10000-01-01", "2026-13-01", -(2**40),
         2**40]  # fmt: skip


async def test_dates_at_the_ends_of_time_break_nothing(arena: Arena) -> None:
    for operation, value in product(arena.with_json(), DATES):
        sample = operation.sample(arena.ids)
        for name in {"deadline", "worked_on"} & set(sample):
            content = json.dumps({**sample, name: value}).encode()
            for person in arena.actors.values():
                answer = await ask(arena, person, operation, content=content)
                if answer.status_code >= 400:
                    assert refused(answer) == "", (operation, value)
                elif answer.is_success:
                    again = await person.http.get(answer.headers.get("location", "/livez"))
                    assert again.status_code < 500
    for sort in ("soonest", "newest"):
        assert (await arena.actors["person"].get("/needs", sort=sort, limit=1))["items"]


BLANKS = [
    "\x1c\x1c\x1c",
    "\u2028\u2028\u2028",
    "\u00a0\u00a0\u00a0",
    "   ",
    "\x85\x85\x85",
    "\t\n\r",
]


async def test_texts_of_nothing_are_not_texts(arena: Arena) -> None:
    """Three kinds of code disagree on what white space is; a title of it is empty to a reader."""
    for operation, text in product(arena.with_json(), BLANKS):
        sample = operation.sample(arena.ids)
        for at in [a for a in places(sample) if isinstance(value_at(sample, a), str)]:
            content = json.dumps(spoil(sample, at, text)).encode()
            answer = await ask(arena, arena.actors["person"], operation, content=content)
            if at[-1] in {"title", "name", "instance_name", "handle"} or answer.status_code >= 400:
                assert refused(answer) == "", (operation, at)


async def test_no_secret_is_echoed_or_logged(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords and tokens appear in no answer to a refused request and in no line of the log."""
    lines = io.StringIO()
    monkeypatch.setattr(sys, "stderr", lines)
    configure_logging("DEBUG", as_json=True)
    secrets = ("password", "current_password", "token")
    try:
        for operation in arena.with_json():
            sample = operation.sample(arena.ids)
            for name in set(sample) & set(secrets):
                await _try_secret(arena, operation, sample, name)
        for header in ("authorization", "cookie"):
            value = {"authorization": f"Bearer tln_{CANARY}", "cookie": f"tornallom={CANARY}"}
            for operation in arena.operations:
                answer = await ask(
                    arena, arena.world.stranger(), operation, headers=[(header, value[header])]
                )
                assert CANARY not in answer.text, operation
    finally:
        monkeypatch.undo()
        configure_logging("WARNING")
    assert "request" in lines.getvalue(), "the log was looked at"
    assert CANARY not in lines.getvalue()


async def _try_secret(arena: Arena, operation: Operation, sample: Any, name: str) -> None:
    spoiled: list[dict[str, Any]] = [
        {**sample, name: CANARY},
        {**sample, name: CANARY, "surprise": 1},
        {**sample, name: [CANARY]},
        {**sample, name: {"a": CANARY}},
        {**sample, name: CANARY * 100},
        {**sample, name: CANARY + "\0"},
        {name: CANARY},
    ]
    for body in spoiled:
        for person in (arena.world.stranger(), arena.actors["person"], arena.actors["token"]):
            answer = await ask(arena, person, operation, content=json.dumps(body).encode())
            assert answer.status_code < 500
            assert CANARY not in answer.text, operation
            assert CANARY not in str(answer.headers), operation
