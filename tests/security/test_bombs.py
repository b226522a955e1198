"""Small things that would grow large: texts, tables and files made to fill memory or time.

Bounds are on memory and on what comes out, not on seconds: a slow machine must not fail here.
"""

import tracemalloc
from collections.abc import AsyncIterator
from secrets import token_hex

import httpx
import pytest

from app.domain.administration.imports import UNFINISHED_MAX
from app.domain.needs import import_files
from app.domain.needs.import_rows import parse_rows
from app.infra.strict_json import StrictJsonError, parse_json
from app.pages.text import TABLE_CELLS_MAX, markdown
from tests.factories.world import Person, World

BODY_CHARACTERS_MAX = 20_000
PIPES = "|a" * 100 + "|\n" + "|-" * 100 + "|\n" + "|\n" * 9_800
MANY_TABLES = ("|a" * 40 + "\n" + "|-" * 40 + "\n" + "|\n" * 100 + "\n") * 50


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": "' + b"a" * 2_000_000 + b'"}',
        b'{"a": "' + b"\\n" * 1_000_000 + b'"}',
        b'"' + b"a" * 2_000_000,
        b'"' + b"\\a" * 1_000_000,
    ],
    ids=["plain", "escapes", "unterminated", "unterminated escapes"],
)
def test_a_long_text_in_json_costs_a_few_times_its_length(raw: bytes) -> None:
    tracemalloc.start()
    try:
        parse_json(raw)
    except StrictJsonError as error:
        assert error.code == "syntax"  # noqa: PT017 - half of them are no JSON
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(raw) * 12


@pytest.mark.parametrize("body", [PIPES, MANY_TABLES], ids=["one table", "many tables"])
def test_a_table_of_missing_cells_stays_as_it_was_written(body: str) -> None:
    html = str(markdown(body[:BODY_CHARACTERS_MAX]))
    assert html.count("<td") + html.count("<th") <= TABLE_CELLS_MAX
    assert len(html) < BODY_CHARACTERS_MAX * 10


def test_a_table_that_people_write_is_a_table() -> None:
    rows = "".join(f"| {n} | a person | a skill |\n" for n in range(200))
    html = str(markdown("| n | who | what |\n|---|---|---|\n" + rows))
    assert html.count("<td>") == 600
    assert html.count("<th>") == 3


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b";" * 1_000_000, "import_too_many_columns"),
        (b",".join(b"c%d" % n for n in range(20_000)) + b",title\n", "import_too_many_columns"),
        (b"title\n" + b"ab;" * 600_000, "row_unreadable"),
        (b"title\n" + b'"\n",' * 400_000, "row_unreadable"),
    ],
    ids=["delimiters", "names", "cells", "cells over many lines"],
)
def test_a_table_without_end_is_refused_before_it_is_held(raw: bytes, code: str) -> None:
    parsed = parse_rows(raw, into_one=True)
    assert code in {fault.code for fault in parsed.faults}
    assert parsed.rows == []


def test_a_row_of_large_cells_is_read() -> None:
    cell = "word " * 3_000
    raw = f"title,body\nOne need,{cell}\nAnother,{cell}\n".encode()
    assert [row.need.title for row in parse_rows(raw, into_one=True).rows] == [
        "One need",
        "Another",
    ]
    assert len(cell) < import_files.ROW_LENGTH_MAX


async def test_one_person_has_few_files_waiting(world: World) -> None:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    answers = []
    for number in range(UNFINISHED_MAX + 1):
        answer = await owner.ask(
            "POST",
            "/imports",
            params={"organisation_id": organisation["id"]},
            files={"file": ("needs.csv", f"title\nNeed {number}\n".encode(), "text/csv")},
            headers={"Idempotency-Key": token_hex(8)},
        )
        answers.append(answer)
    *taken, refused = answers
    assert [answer.status_code for answer in taken] == [202] * UNFINISHED_MAX
    assert (refused.status_code, refused.json()["code"]) == (429, "jobs_waiting")
    assert "{" not in refused.json()["detail"]
    await world.work()
    assert len(await _open_needs(owner, organisation["id"])) == UNFINISHED_MAX


async def _open_needs(owner: Person, organisation_id: str) -> list[object]:
    found = await owner.get("/needs", organisation=organisation_id, state="any")
    items: list[object] = found["items"]
    return items


@pytest.mark.parametrize("path", ["/imports", "/imports/columns"])
async def test_who_brings_needs_is_looked_at_before_they_are_read(world: World, path: str) -> None:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    body = {"name": "reader", "scopes": ["needs:read"], "expires_in_days": 1}
    tool = world.stranger()
    token = (await owner.post("/me/tokens", body))["token"]
    tool.http.headers["Authorization"] = f"Bearer {token}"
    whole = httpx.Request("POST", "http://x", files={"file": ("a.csv", b"title,summary\na,b\n")})
    into = {"organisation_id": organisation["id"]} if path == "/imports" else {}
    read: list[int] = []

    async def slowly() -> AsyncIterator[bytes]:
        for number in range(len(whole.read())):
            read.append(number)
            yield whole.content[number : number + 1]

    async def send(person: Person) -> int:
        read.clear()
        headers = {"Content-Type": whole.headers["content-type"], "Idempotency-Key": "k"}
        answer = await person.ask("POST", path, content=slowly(), params=into, headers=headers)
        return answer.status_code

    assert (await send(world.stranger()), read) == (401, [])
    assert (await send(tool), read) == (403, [])
    assert await send(owner) in {200, 202}
    assert len(read) == len(whole.content)
