"""An import can be named, watched, stopped and, for a week, taken back."""

import json
from datetime import timedelta
from secrets import token_hex
from typing import Any
from uuid import UUID

import pytest

from app.domain.administration import actions
from app.infra import clock
from app.infra.database import transaction
from app.models.imports import ImportRun
from app.workers.activity import tidy_up
from app.workers.administration import run_jobs
from tests.factories.world import HARM_CHECK, Json, Person, World

CATALAN = (
    "Nom;Descripció;Termini;Places;Color\n"
    "Arreglem el web;S'ha trencat;2090-03-01;2;roig\n"
    "Butlletí nou;;;1;\n"
).encode()
WITHOUT_NAMES = b"a,b\nFix our site,It broke\n"


def rows(*titles: str) -> bytes:
    lines = (
        {"external_id": f"x:{n}", "organisation": "Project", "title": title, "language": "en"}
        for n, title in enumerate(titles)
    )
    return "\n".join(json.dumps(line) for line in lines).encode()


async def send(
    who: Person, raw: bytes, columns: dict[str, str] | None = None, **params: Any
) -> Any:
    data = {"columns": json.dumps(columns)} if columns else {}
    return await who.ask(
        "POST",
        "/imports",
        params=params,
        data=data,
        files={"file": ("needs.csv", raw)},
        headers={"Idempotency-Key": token_hex(8)},
    )


async def done(world: World, who: Person, answer: Any) -> Json:
    assert answer.status_code == 202, answer.text
    await run_jobs(world.runtime)
    return await who.get(f"/jobs/{answer.json()['id']}")


async def undone(world: World, who: Person, job: Json) -> Json:
    path = f"/imports/{job['result']['import_id']}/undo"
    result: Json = (await done(world, who, await who.ask("POST", path)))["result"]
    return result


async def test_columns_are_looked_at_and_named_in_ones_own_language(world: World) -> None:
    owner = await world.sign_up("owner")
    into = {"organisation_id": (await world.organisation(owner))["id"], "language": "ca"}
    looked = await owner.ask("POST", "/imports/columns", files={"file": ("f.csv", CATALAN)})
    found = {c["name"]: c for c in looked.json()["columns"]}
    assert looked.json()["rows"] == 2
    assert {name: c["suggestion"] for name, c in found.items()} == {
        "Nom": "title", "Descripció": "body", "Termini": "deadline", "Places": "places",
        "Color": None,
    }  # fmt: skip
    assert (found["Nom"]["filled_percent"], found["Descripció"]["filled_percent"]) == (100, 50)
    assert found["Color"]["samples"] == ["roig"]
    job = await done(world, owner, await send(owner, CATALAN, **into))
    assert job["result"]["create"] == 2, job
    (need,) = [n for n in (await owner.get("/needs"))["items"] if n["title"] == "Arreglem el web"]
    whole = await owner.get(f"/needs/{need['id']}")
    assert (whole["deadline"], whole["places"], whole["body"]) == (
        "2090-03-01", 2, "S'ha trencat",
    )  # fmt: skip


async def test_a_file_whose_columns_say_nothing_is_named_by_hand(world: World) -> None:
    owner = await world.sign_up("owner")
    into = {"organisation_id": (await world.organisation(owner))["id"]}
    failed = await done(world, owner, await send(owner, WITHOUT_NAMES, **into))
    assert [(w["line"], w["code"]) for w in failed["warnings"]] == [(1, "column_missing")]
    named = {"a": "title", "b": "body"}
    job = await done(world, owner, await send(owner, WITHOUT_NAMES, named, **into))
    assert job["result"]["create"] == 1
    for bad in ({"a": "no_such"}, {"a": "title", "b": "title"}):
        refused = await send(owner, WITHOUT_NAMES, bad, **into)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/columns")


async def test_an_import_is_taken_back_and_can_be_made_again(world: World) -> None:
    steward = await world.set_up()
    await done(world, steward, await send(steward, rows("First one")))
    job = await done(world, steward, await send(steward, rows("First, better", "Second one")))
    assert (job["result"]["update"], job["result"]["create"]) == (1, 1)
    (newest, _) = (await steward.get("/imports"))["items"]
    assert (newest["id"], newest["file_name"]) == (job["result"]["import_id"], "needs.csv")
    assert newest["undo_until"] is not None

    result = await undone(world, steward, job)
    assert (result["restored"], result["withdrawn"], result["kept"]) == (1, 1, 0)
    assert [need["title"] for need in (await steward.get("/needs"))["items"]] == ["First one"]
    twice = await steward.ask("POST", f"/imports/{newest['id']}/undo")
    assert (twice.status_code, twice.json()["code"]) == (409, "import_too_old")
    again = await done(world, steward, await send(steward, rows("First, better", "Second one")))
    assert (again["result"]["update"], again["result"]["create"]) == (1, 1)
    titles = {need["title"] for need in (await steward.get("/needs"))["items"]}
    assert titles == {"First, better", "Second one"}


async def test_organisations_that_only_the_import_made_are_not_listed_any_more(
    world: World,
) -> None:
    steward = await world.set_up()
    job = await done(world, steward, await send(steward, rows("Only one")))
    assert (await undone(world, steward, job))["organisations"] == 1
    assert (await world.stranger().get("/organisations"))["items"] == []
    await done(world, steward, await send(steward, rows("Only one")))
    listed = (await world.stranger().get("/organisations"))["items"]
    assert [(one["name"], one["open_needs"]) for one in listed] == [("Project", 1)]


async def test_what_people_did_since_is_kept(world: World) -> None:
    steward = await world.set_up()
    worker = await world.sign_up("worker")
    job = await done(world, steward, await send(steward, rows("Claimed", "Changed", "Left alone")))
    needs = {need["title"]: need for need in (await steward.get("/needs"))["items"]}
    await worker.post(f"/needs/{needs['Claimed']['id']}/claims", {"note": "mine"})
    changed = needs["Changed"]
    await steward.change(
        f"/needs/{changed['id']}", {"body": "By hand", "harm_check": HARM_CHECK}, changed["version"]
    )
    result = await undone(world, steward, job)
    assert (result["withdrawn"], result["kept"]) == (1, 2)
    titles = {need["title"] for need in (await steward.get("/needs"))["items"]}
    assert titles == {"Claimed", "Changed"}


async def test_after_a_week_it_stays(world: World) -> None:
    steward = await world.set_up()
    job = await done(world, steward, await send(steward, rows("One of them")))
    path = f"/imports/{job['result']['import_id']}/undo"
    week = timedelta(days=7, seconds=1)
    async with transaction(world.runtime.sessions) as session:
        run = await session.get_one(ImportRun, UUID(job["result"]["import_id"]))
        run.created_at -= week
    refused = await steward.ask("POST", path)
    assert (refused.status_code, refused.json()["code"]) == (409, "import_too_old")
    (shown,) = (await steward.get("/imports"))["items"]
    assert (shown["undo_until"], shown["undone_at"]) == (None, None)
    await tidy_up(world.runtime)
    async with world.runtime.engine.connect() as connection:
        left = await connection.exec_driver_sql("SELECT count(*) FROM import_changes")
        assert left.scalar_one() == 0, "what it had changed is forgotten"


async def test_only_those_concerned_take_an_import_back(world: World) -> None:
    owner, other = await world.sign_up("owner"), await world.sign_up("other")
    organisation = await world.organisation(owner)
    into = {"organisation_id": organisation["id"]}
    job = await done(world, owner, await send(owner, rows("One of them"), **into))
    path = f"/imports/{job['result']['import_id']}/undo"
    assert (await other.ask("POST", path)).status_code == 404
    assert (await other.ask("GET", "/imports", params=into)).status_code == 404
    assert (await owner.ask("GET", "/imports")).status_code == 403, "whole files are the stewards'"
    assert (await owner.ask("POST", path)).status_code == 202


async def test_a_job_that_waits_never_begins_once_it_is_stopped(world: World) -> None:
    steward = await world.set_up()
    answer = await send(steward, rows("Never"))
    job_id = answer.json()["id"]
    stopped = await steward.post(f"/jobs/{job_id}/cancel", expect=200)
    assert stopped["state"] == "cancelled"
    assert await run_jobs(world.runtime) == 0
    assert (await steward.get("/needs"))["items"] == []
    late = await steward.post(f"/jobs/{job_id}/cancel", expect=409)
    assert late["code"] == "job_over"


async def test_a_job_that_is_stopped_while_it_runs_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    steward = await world.set_up()
    answer = await send(steward, rows(*(f"Need {n}" for n in range(450))))
    job_id = answer.json()["id"]
    monkeypatch.setattr("app.workers.administration.PROGRESS_SECONDS", 0)
    noted = actions.note_progress

    async def and_stop(session: Any, job: Any, progress: Any = None) -> None:
        await noted(session, job, progress)
        if progress and progress[0] == 200:
            await session.commit()  # so that the request sees how far it is
            asked = await steward.post(f"/jobs/{job_id}/cancel", expect=200)
            assert (asked["state"], asked["stopping"], asked["done"]) == ("running", True, 200)
            assert asked["eta_seconds"] is not None

    monkeypatch.setattr("app.domain.administration.actions.note_progress", and_stop)
    await run_jobs(world.runtime)
    job = await steward.get(f"/jobs/{job_id}")
    assert (job["state"], job["result"]) == ("cancelled", {"code": "job_cancelled"})
    assert (await steward.get("/needs"))["items"] == []


async def test_what_is_wrong_can_be_taken_along_as_a_table(world: World) -> None:
    steward = await world.set_up()
    raw = rows("Fine") + b'\n{"external_id": "=1+1", "organisation": "=cmd", "title": "x"}'
    job = await done(world, steward, await send(steward, raw))
    answer = await steward.ask("GET", f"/jobs/{job['id']}/warnings.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = answer.text.removeprefix("\ufeff").splitlines()
    assert lines[0] == "line,column,fault"
    assert lines[1].startswith("2,title,")


async def test_no_row_brings_a_day_that_is_over(world: World) -> None:
    owner = await world.sign_up("owner")
    into = {"organisation_id": (await world.organisation(owner))["id"]}
    over = (clock.now() - timedelta(days=2)).date().isoformat()
    coming = (clock.now() + timedelta(days=2)).date().isoformat()
    header = "external_id,title,deadline,starts_on,places\n"
    bad = f"{header}a,Fix our site,{over},,1\nb,Write a leaflet,,{over},1\n".encode()
    good = f"{header}a,Fix our site,{coming},,1\nb,Write a leaflet,,{coming},1\n"
    for dry in ("true", "false"):
        job = await done(world, owner, await send(owner, bad, dry_run=dry, **into))
        found = [(w["line"], w["column"], w["code"]) for w in job["warnings"]]
        assert (job["state"], found) == (
            "failed", [(2, "deadline", "day_over"), (3, "starts_on", "day_over")],
        )  # fmt: skip
    assert (await owner.get("/needs"))["items"] == []
    job = await done(world, owner, await send(owner, good.encode(), **into))
    assert (job["state"], job["result"]["create"]) == ("done", 2)
    with clock.moved(timedelta(days=4)):  # the file still says the same days
        changed = good.replace(",1\n", ",2\n").encode()
        job = await done(world, owner, await send(owner, changed, **into))
        assert (job["state"], job["result"]["update"]) == ("done", 2)


async def test_faults_name_the_column_as_the_file_does_and_languages_are_known(
    world: World,
) -> None:
    owner = await world.sign_up("owner")
    into = {"organisation_id": (await world.organisation(owner))["id"], "dry_run": "true"}
    named = {"Nom": "title", "hours": "estimate_hours", "Llengua": "language", "Fi": "deadline"}
    header = "Nom,hours,Llengua,Fi\n"
    bad = f"{header}Fix our site,99999,xx,\nOther,,ca,0001-01-01\n,1,ca,\n".encode()
    job = await done(world, owner, await send(owner, bad, named, **into))
    found = [(w["line"], w["column"], w["code"]) for w in job["warnings"]]
    assert found == [(2, "hours", "less_than_equal"), (4, "Nom", "missing")]
    bad = f"{header}Fix our site,2,xx,\nOther,2,oc,0001-01-01\n".encode()
    job = await done(world, owner, await send(owner, bad, named, **into))
    found = [(w["line"], w["column"], w["code"]) for w in job["warnings"]]
    assert found == [(2, "Llengua", "language_unknown")]
    late = f"{header}Fix our site,2,oc,0001-01-01\n".encode()
    job = await done(world, owner, await send(owner, late, named, **into))
    assert [(w["column"], w["code"]) for w in job["warnings"]] == [("Fi", "day_over")]
    good = f"{header}Fix our site,2,oc,\n".encode()
    assert (await done(world, owner, await send(owner, good, named, **into)))["state"] == "done"
