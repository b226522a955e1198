"""The floor: a bare ASGI application over asyncpg that gives the same answers. Nothing of app.

    uvicorn bench.floor:application     (BENCH_* in the environment: see run.py)

`POST /inbox` proves a message by its pinned key (BENCH_KEYS) and writes it once. `GET
/api/v1/needs` lists as the product does for a stranger, the JSON made in SQL; `POST
/api/v1/needs/{id}/claims` with `X-Worker` takes a place and writes a claim in one statement.
"""

import base64
import hashlib
import json
import os
import re
import uuid
from typing import Any
from urllib.parse import parse_qs

import asyncpg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MOMENT = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
PLAIN = ("kind", "stream")
FIELDS = (
    ("id", "n.id"),
    ("organisation", "json_build_object('id', o.id, 'name', o.name, 'slug', o.slug)"),
    *((name, f"n.{name}") for name in ("organisation_name", "title", "body", "language", *PLAIN)),
    (
        "skills",
        (
            "(SELECT coalesce(json_agg(json_build_object('slug', s, 'weight', "
            "CASE WHEN s = ANY(n.must_slugs) THEN 'must' ELSE 'nice' END)), '[]'::json) "
            "FROM unnest(n.skill_slugs) AS s)"
        ),
    ),
    *((name, f"n.{name}") for name in (
        "skills_unknown", "tags", "estimate_minutes", "places", "taken", "urgency", "deadline",
        "remote", "region", "audience", "audience_peers", "instant",
    )),
    ("harm_check", "NULL::json"),
    *((name, f"n.{name}") for name in (
        "link", "external_id", "beneficiary", "state", "state_reason", "version",
    )),
    *((name, MOMENT.format(f"n.{name}")) for name in ("created_at", "updated_at", "published_at")),
    *((name, literal) for literal, names in (
        ("'[]'::json", ("contacts", "handover", "handover_open", "translations")),
        ("''", ("handover_note",)),
        ("false", (
            "contact_public", "contacts_hidden", "asks_closing", "closed_without_work",
            "scoping_wanted", "may_translate", "answers_slowly",
        )),
        ("NULL::json", (
            "amount", "priority_days", "priority_until", "maintainer", "care_of", "recurs_months",
        )),
        ("0", ("unanswered",)),
    ) for name in names),
    (
        "clocks",
        (
            "json_build_object('start_days', n.clocks -> 'start_days', "
            "'heartbeat_days', n.clocks -> 'heartbeat_days', "
            "'answer_days', n.clocks -> 'answer_days', "
            "'confirm_days', n.clocks -> 'confirm_days', "
            "'renewal_days', n.clocks -> 'renewal_days')"
        ),
    ),
    *((name, f"n.{name}") for name in ("starts_on", "time_zone", "text_version")),
    (
        "deadline_at",
        MOMENT.format(
            "((n.deadline + 1)::timestamp AT TIME ZONE coalesce(n.time_zone, o.time_zone, 'UTC'))"
        ),
    ),
    ("origin", "NULL::json"),
    ("possible_transitions", "'[]'::json"),
    ("my_claim", "NULL::json"),
    ("may_claim", "$1::json"),
)  # fmt: skip
# More fields than a function takes arguments.
DOCUMENT = ", ".join(f"{expression} AS {name}" for name, expression in FIELDS)
OPEN = "n.state = 'open' AND n.taken < n.places AND n.audience = 'public'"
PAGE = f"""
    SELECT (SELECT row_to_json(said) FROM (SELECT {DOCUMENT}) AS said)::text AS document, n.id,
           coalesce(n.deadline, '9999-12-31') AS deadline,
           coalesce(n.published_at, n.created_at) AS published
    FROM needs n JOIN organisations o ON o.id = n.organisation_id
    WHERE {OPEN} {{conditions}}
    ORDER BY coalesce(n.deadline, '9999-12-31'), coalesce(n.published_at, n.created_at) DESC,
             n.id DESC
    LIMIT 21
"""  # noqa: S608 - made of the constants above
FOUND = " AND n.id IN (SELECT need_id FROM need_listings WHERE lexemes @@ to_tsquery('simple', {}))"
HIDDEN = f"""
    SELECT count(*) FROM (
        SELECT 1 FROM needs n WHERE {OPEN} {{conditions}} AND n.language <> $1 LIMIT 1000
    ) AS hidden
"""  # noqa: S608 - as above
TAKE_AND_CLAIM = """
    WITH place AS (
        UPDATE needs SET taken = taken + 1, version = version + 1, updated_at = now()
        WHERE id = $1 AND state = 'open' AND taken < places RETURNING id
    )
    INSERT INTO claims (id, need_id, account_id, kind, state, note, accepted_at, created_at,
                        updated_at, version)
    SELECT $2, place.id, $3, 'work', 'accepted', '', now(), now(), now(), 1 FROM place
    RETURNING id
"""
TAKE_MESSAGE = "INSERT INTO bench_messages VALUES ($1, $2) ON CONFLICT DO NOTHING"
_tools: dict[str, Any] = {}


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer requests; the pool lives as long as the process."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    if scope["path"] == "/inbox":
        status, body = await _take_message(scope, receive)
    elif scope["method"] == "POST":
        status, body = await _claim(scope, receive)
    elif scope["path"] == "/livez":
        status, body = 200, b"{}"
    else:
        status, body = 200, await _list(parse_qs(scope["query_string"].decode()))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Any, send: Any) -> None:
    while True:
        kind = (await receive())["type"]
        if kind == "lifespan.startup":
            url = os.environ["BENCH_DATABASE_URL"]
            _tools["pool"] = await asyncpg.create_pool(url, min_size=10, max_size=20)
            _tools["may_claim"] = os.environ["BENCH_MAY_CLAIM"]
            _tools["keys"] = {
                key_id: Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
                for key_id, key in json.loads(os.environ["BENCH_KEYS"]).items()
            }
        else:
            await _tools["pool"].close()
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def _list(query: dict[str, list[str]]) -> bytes:
    conditions, values = "", [_tools["may_claim"]]
    hidden = 0
    if "skill" in query:
        values.append(query["skill"])
        conditions += f" AND n.skill_slugs @> ${len(values)}::varchar[]"
    if "q" in query:
        values.append(" & ".join(f"{word}:*" for word in query["q"][0].split()))
        conditions += FOUND.format(f"${len(values)}")
    async with _tools["pool"].acquire() as connection:
        if "language" in query:
            others = [query["language"][0], *values[1:]]
            hidden = await connection.fetchval(HIDDEN.format(conditions=conditions), *others)
            values.append(query["language"][0])
            conditions += f" AND n.language = ${len(values)}"
        rows = await connection.fetch(PAGE.format(conditions=conditions), *values)
    cursor = b"null"
    if len(rows) > 20:
        last = rows[19]
        place = [str(last["deadline"]), last["published"].isoformat(), str(last["id"])]
        packed = base64.urlsafe_b64encode(json.dumps(place).encode()).rstrip(b"=")
        cursor = b'"' + packed + b'"'
    items = ",".join(row["document"] for row in rows[:20]).encode()
    return b'{"items":[%s],"next_cursor":%s,"hidden_by_language":%d}' % (items, cursor, hidden)


async def _claim(scope: Any, receive: Any) -> tuple[int, bytes]:
    await receive()
    need = uuid.UUID(scope["path"].split("/")[-2])
    worker = uuid.UUID(dict(scope["headers"])[b"x-worker"].decode())
    async with _tools["pool"].acquire() as connection:
        try:
            taken = await connection.fetchval(TAKE_AND_CLAIM, need, uuid.uuid4(), worker)  # noqa: TID251
        except asyncpg.UniqueViolationError:
            taken = None
    return (201, b'{"state":"accepted"}') if taken else (409, b'{"code":"need_full"}')


async def _take_message(scope: Any, receive: Any) -> tuple[int, bytes]:
    body = (await receive())["body"]
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    label, _, params = headers["signature-input"].partition("=")
    covered = re.findall(r'"([^"]+)"', params[: params.index(")")])
    derived = {"@method": scope["method"], "@target-uri": os.environ["BENCH_INBOX"], **headers}
    lines = [f'"{name}": {derived[name]}' for name in covered]
    base = "\n".join([*lines, f'"@signature-params": {params}'])
    key = _tools["keys"][params.partition('keyid="')[2].partition('"')[0]]
    signature = base64.b64decode(headers["signature"].partition("=")[2].strip(":"))
    try:
        key.verify(signature, base.encode())
    except InvalidSignature:
        return 401, b"{}"
    if headers["content-digest"] != f"sha-256=:{digest}:" or not label:
        return 401, b"{}"
    async with _tools["pool"].acquire() as connection:
        await connection.execute(TAKE_MESSAGE, json.loads(body)["id"], body)
    return 202, b""
