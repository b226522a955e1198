"""Imports by API: a job that takes in all rows or none, once however often it is asked for."""

import asyncio
import io
import json
import zipfile
from datetime import timedelta
from secrets import token_hex
from typing import Any

import httpx
import pytest
from sqlalchemy import func
from sqlmodel import col, select

from app.domain.administration import actions
from app.infra import clock
from app.infra.database import transaction
from app.models.activity import Activity
from app.models.administration import Job, JobState
from app.models.needs import Need
from app.workers.administration import run_jobs
from tests.factories.world import HARM_CHECK, Person, World

Rows = list[dict[str, Any]]


def _rows(count: int = 3, **changes: Any) -> Rows:
    return [
        {
            "external_id": f"x:{number}",
            "organisation": f"Project {number % 2}",
            "title": f"Need number {number} 🌱",
            "language": "en",
            "tags": ["python", "gardening"],
            "open_tasks": number,
            "updated": "None",
            **changes,
        }
        for number in range(count)
    ]


def _lines(rows: Rows) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


async def _send(
    person: Person, raw: bytes, *, key: str | None = None, **params: Any
) -> httpx.Response:
    return await person.ask(
        "POST",
        "/imports",
        params=params,
        files={"file": ("needs.jsonl", raw, "application/jsonl")},
        headers={"Idempotency-Key": key or token_hex(8)},
    )


async def _import(world: World, person: Person, raw: bytes, **params: Any) -> dict[str, Any]:
    """Ask for an import, let a worker do it, and return the job."""
    answer = await _send(person, raw, **params)
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "queued"
    assert await run_jobs(world.runtime) == 1
    path = answer.headers["location"].removeprefix("/api/v1")
    return await person.get(path)


async def _count(world: World, model: Any, *conditions: Any) -> int:
    async with transaction(world.runtime.sessions) as session:
        statement = select(func.count()).select_from(model).where(*conditions)
        return (await session.exec(statement)).one()


async def test_a_steward_imports_a_file_and_each_row_says_whose_it_is(world: World) -> None:
    steward = await world.set_up()
    job = await _import(world, steward, _lines(_rows(3)))

    assert (job["state"], job["done"], job["total"]) == ("done", 3, 3)
    assert job["result"].pop("import_id")
    assert job["result"] == {
        "create": 3, "update": 0, "unchanged": 0, "skip": 0, "total": 3, "dry_run": False,
    }  # fmt: skip
    listed = await world.stranger().get("/organisations")
    assert [(o["name"], o["open_needs"]) for o in listed["items"]] == [
        ("Project 0", 2), ("Project 1", 1),
    ]  # fmt: skip
    needs = (await steward.get("/needs"))["items"]
    assert {need["state"] for need in needs} == {"open"}
    assert needs[0]["skills"] == [{"slug": "python", "weight": "nice"}]
    assert needs[0]["tags"] == ["gardening"]
    assert await _count(world, Activity, Activity.verb == "need.published") == 3


async def test_importing_again_changes_only_what_changed_there(world: World) -> None:
    steward = await world.set_up()
    await _import(world, steward, _lines(_rows(3)))
    again = await _import(world, steward, _lines(_rows(3)))
    assert again["result"]["unchanged"] == 3

    rows = _rows(4)
    rows[1]["title"] = "Another title"
    third = await _import(world, steward, _lines(rows))
    assert (third["result"]["update"], third["result"]["create"]) == (1, 1)
    assert third["result"]["unchanged"] == 2
    needs = {need["external_id"]: need for need in (await steward.get("/needs"))["items"]}
    assert (needs["x:1"]["title"], needs["x:1"]["version"]) == ("Another title", 2)
    assert needs["x:0"]["version"] == 1
    assert await _count(world, Activity, Activity.verb == "need.updated") == 1


async def test_what_people_here_made_of_a_need_stays(world: World) -> None:
    steward = await world.set_up()
    await _import(world, steward, _lines(_rows(1)))
    (need,) = (await steward.get("/needs"))["items"]
    changes = {"estimate_minutes": 120, "harm_check": HARM_CHECK}
    await steward.change(f"/needs/{need['id']}", changes, need["version"])

    await _import(world, steward, _lines(_rows(1, open_tasks=7)))
    after = await steward.get(f"/needs/{need['id']}")
    assert (after["places"], after["estimate_minutes"]) == (7, 120)
    assert after["harm_check"] == HARM_CHECK

    await steward.move(f"/needs/{need['id']}", "withdrawn", "no longer")
    closed = await _import(world, steward, _lines(_rows(1, open_tasks=8)))
    assert closed["result"]["skip"] == 1
    assert closed["warnings"][0]["code"] == "import_need_closed"


async def test_a_dry_run_counts_and_writes_nothing(world: World) -> None:
    steward = await world.set_up()
    job = await _import(world, steward, _lines(_rows(3)), dry_run=1)
    assert (job["result"]["create"], job["result"]["dry_run"]) == (3, True)
    assert await _count(world, Need) == 0
    assert (await steward.get("/organisations", state="any"))["items"] == []


async def test_hours_of_a_table_are_kept_and_come_back_from_an_export(world: World) -> None:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    into = {"organisation_id": organisation["id"]}
    bad = b"title;language;Hores\nUna parada;ca;1,5\nUn cartell;ca;aviat\n"
    refused = await _import(world, owner, bad, **into)
    (warning,) = refused["warnings"]
    assert (warning["line"], warning["column"], warning["code"]) == (
        3, "Hores", "time_unreadable",
    )  # fmt: skip
    good = bad.replace(b"aviat", b"1:15")
    tried = await _import(world, owner, good, dry_run=1, **into)
    assert (tried["result"]["create"], await _count(world, Need)) == (2, 0)
    await _import(world, owner, good, **into)
    async with transaction(world.runtime.sessions) as session:
        found = (await session.exec(select(Need.title, Need.estimate_minutes))).all()
    assert dict(found) == {"Una parada": 90, "Un cartell": 75}
    path = f"/organisations/{organisation['id']}/export"
    archive = zipfile.ZipFile(io.BytesIO((await owner.ask("GET", path)).content))
    again = await _import(world, owner, archive.read("needs.jsonl"), **into)
    assert (again["result"]["create"], again["result"]["total"]) == (0, 2)
    table = await _import(world, owner, archive.read("needs.csv"), dry_run=1, **into)
    assert table["result"]["total"] == 2
    async with transaction(world.runtime.sessions) as session:
        kept = (await session.exec(select(Need.title, Need.estimate_minutes))).all()
    assert dict(kept) == dict(found)


async def test_one_bad_row_and_nothing_is_written(world: World) -> None:
    steward = await world.set_up()
    rows = [*_rows(3), {**_rows(1)[0], "external_id": "bad", "places": 0}]
    job = await _import(world, steward, _lines(rows))
    assert job["state"] == "failed"
    assert job["result"]["code"] == "import_faulty"
    (warning,) = job["warnings"]
    assert (warning["line"], warning["column"], warning["code"]) == (
        4, "places", "greater_than_equal",
    )  # fmt: skip
    assert warning["message"] == "The smallest possible is 1."
    assert await _count(world, Need) == 0
    assert (await steward.get("/organisations", state="any"))["items"] == []


async def test_members_import_for_their_own_organisation_only(world: World) -> None:
    owner = await world.sign_up("owner")
    other = await world.sign_up("other")
    organisation = await world.organisation(owner)
    raw = _lines(_rows(2))

    assert (await _send(owner, raw)).json()["code"] == "steward_required"
    into = {"organisation_id": organisation["id"]}
    assert (await _send(other, raw, **into)).json()["code"] == "membership_required"
    assert (await _send(world.stranger(), raw, **into)).status_code == 401
    job = await _import(world, owner, raw, **into)
    assert job["result"]["create"] == 2
    needs = (await owner.get("/needs"))["items"]
    assert {need["organisation"]["id"] for need in needs} == {organisation["id"]}
    assert {need["beneficiary"] for need in needs} == {"Project 0", "Project 1"}
    assert (await other.ask("GET", f"/jobs/{job['id']}")).status_code == 404


async def test_needs_of_an_organisation_nobody_accepted_wait_for_review(world: World) -> None:
    owner = await world.sign_up("owner")
    made = await owner.post("/organisations", {"name": "Proposed"})
    job = await _import(world, owner, _lines(_rows(1)), organisation_id=made["id"])
    assert job["result"]["create"] == 1
    assert (await world.stranger().get("/needs", state="any"))["items"] == []
    mine = await owner.get("/needs", state="any", organisation=made["id"])
    assert [need["state"] for need in mine["items"]] == ["review"]


async def test_one_key_is_one_import(world: World) -> None:
    steward = await world.set_up()
    raw = _lines(_rows(1))
    without = await steward.ask("POST", "/imports", files={"file": ("x", raw)})
    assert without.json()["code"] == "idempotency_key_required"
    key = "0123"
    # The boundary between the parts is the client's own choice, so a retry sends the same bytes.
    request = httpx.Request("POST", "http://x", files={"file": ("x", raw)})
    headers = {"Content-Type": request.headers["content-type"], "Idempotency-Key": key}
    first = await steward.ask("POST", "/imports", content=request.read(), headers=headers)
    second = await steward.ask("POST", "/imports", content=request.read(), headers=headers)
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert await _count(world, Job) == 1


@pytest.mark.parametrize(
    "files",
    [
        {"other": ("x", b"title\n")},
        {"file": ("x", b"")},
        {"file": ("x", b"title\n"), "more": ("y", b"z")},
    ],
)
async def test_a_request_without_one_file_is_refused(
    world: World, files: dict[str, tuple[str, bytes]]
) -> None:
    steward = await world.set_up()
    answer = await steward.ask("POST", "/imports", files=files, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 422
    assert await _count(world, Job) == 0


async def test_a_silent_workers_job_is_done_by_another_once(world: World) -> None:
    steward = await world.set_up()
    answer = await _send(steward, _lines(_rows(3)))
    async with transaction(world.runtime.sessions) as session:
        taken = await actions.claim_job(session)  # by a worker that is killed now
    assert taken is not None
    assert await run_jobs(world.runtime) == 0
    with clock.moved(actions.SILENT_AFTER + timedelta(seconds=1)):
        assert await run_jobs(world.runtime) == 1
    job = await steward.get(answer.headers["location"].removeprefix("/api/v1"))
    assert job["state"] == "done"
    assert await _count(world, Need) == 3


async def test_a_job_that_takes_its_worker_down_is_given_up(world: World) -> None:
    steward = await world.set_up()
    answer = await _send(steward, _lines(_rows(1)))
    for attempt in range(actions.ATTEMPTS_MAX):
        with clock.moved((actions.SILENT_AFTER + timedelta(seconds=1)) * attempt):
            async with transaction(world.runtime.sessions) as session:
                assert await actions.claim_job(session) is not None
    with clock.moved((actions.SILENT_AFTER + timedelta(seconds=1)) * actions.ATTEMPTS_MAX):
        await run_jobs(world.runtime)
    job = await steward.get(answer.headers["location"].removeprefix("/api/v1"))
    assert (job["state"], job["result"]) == ("failed", {"code": "job_gave_up"})
    assert await _count(world, Need) == 0


async def test_two_workers_do_each_job_once(world: World) -> None:
    steward = await world.set_up()
    for number in range(4):
        await _send(steward, _lines(_rows(2, language=["en", "nl", "ca", "es"][number])))
    handled = await asyncio.gather(*(run_jobs(world.runtime) for _ in range(3)))
    assert sum(handled) == 4
    assert await _count(world, Job, col(Job.state) == JobState.DONE) == 4
    assert await _count(world, Need) == 2


async def test_the_instance_says_what_it_is(world: World) -> None:
    before = await world.stranger().get("/instance")
    assert before["needs_setup"] is True
    steward = await world.set_up("North")
    await _import(world, steward, _lines(_rows(3)))
    instance = await world.stranger().get("/instance")
    assert (instance["name"], instance["needs_setup"]) == ("North", False)
    assert instance["counts"] == {"needs_open": 3, "organisations": 2, "peers": 0}
    assert instance["languages"] == ["en", "el", "ca", "nl", "es"]
