"""Everything that an organisation has can be taken along, and its needs taken in elsewhere."""

import csv
import io
import json
import zipfile
from secrets import token_hex
from typing import Any

from sqlalchemy import text

from app.infra.database import transaction
from app.workers.administration import run_jobs
from tests.factories.world import HARM_CHECK, Json, Person, World

SAME = ("title", "body", "language", "skills", "tags", "estimate_minutes", "places", "harm_check")


async def archive_of(who: Person, organisation: Json) -> zipfile.ZipFile:
    answer = await who.ask("GET", f"/organisations/{organisation['id']}/export")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert "no-store" in answer.headers["cache-control"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive


def lines(archive: zipfile.ZipFile, name: str) -> list[Any]:
    return [json.loads(line) for line in archive.read(name).decode().splitlines()]


async def import_all(world: World, who: Person, raw: bytes, organisation: Json) -> Json:
    answer = await who.ask(
        "POST",
        "/imports",
        params={"organisation_id": organisation["id"]},
        files={"file": ("needs.jsonl", raw)},
        headers={"Idempotency-Key": token_hex(8)},
    )
    assert answer.status_code == 202, answer.text
    await run_jobs(world.runtime)
    job = await who.get(f"/jobs/{answer.json()['id']}")
    assert job["state"] == "done", job
    return job


async def test_an_owner_takes_everything_along(world: World) -> None:
    owner, worker = await world.sign_up("owner", email="canary@example.org"), None
    worker = await world.sign_up("worker", email="canary-worker@example.org")
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation, title="=Σώστε το site", places=2)
    await world.draft(owner, organisation, title="＝1+1")
    claim = await world.submitted_claim(worker, owner, need)
    await world.confirm(owner, claim)
    await owner.post(f"/claims/{claim['id']}/messages", {"body": "Thank you"})
    callback = {"url": "https://example.org/hook", "events": ["claim.applied"]}
    made = await owner.post("/webhooks", {"organisation_id": organisation["id"], **callback})

    archive = await archive_of(owner, organisation)
    kept, _ = lines(archive, "needs.jsonl")
    assert (kept["title"], kept["id"], kept["state"]) == ("=Σώστε το site", need["id"], "open")
    assert [c["state"] for c in lines(archive, "claims.jsonl")] == ["confirmed"]
    assert [c["worker"] for c in lines(archive, "claims.jsonl")] == ["worker"]
    assert [log["minutes"] for log in lines(archive, "work_logs.jsonl")] == [90]
    assert [m["body"] for m in lines(archive, "messages.jsonl")] == ["Thank you"]
    assert sum(p["amount"] for p in lines(archive, "postings.jsonl")) == 0
    assert [m["handle"] for m in lines(archive, "members.jsonl")] == ["owner"]
    assert lines(archive, "callbacks.jsonl")[0]["url"] == callback["url"]
    table = archive.read("needs.csv").decode("utf-8-sig")
    titles = [row["title"] for row in csv.DictReader(io.StringIO(table))]
    # A spreadsheet must not run what people wrote.
    assert titles == ["'=Σώστε το site", "'＝1+1"]
    whole = b"".join(archive.read(name) for name in archive.namelist())
    for canary in (b"canary@", b"canary-worker@", made["secret"].encode(), b"password_hash"):
        assert canary not in whole


async def test_words_that_stewards_hid_are_not_taken_along(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation)
    claim = await worker.post(f"/needs/{need['id']}/claims", {"note": "I can"})
    thread = f"/claims/{claim['id']}/messages"
    said = [await worker.post(thread, {"body": words}) for words in ("Their address", "Hello")]
    report = {"about": "message", "id": said[0]["id"], "kind": "other", "words": "An address"}
    await owner.post("/reports", report)
    steward = await world.set_up()
    (waiting,) = (await steward.get("/reports"))["items"]
    hidden = await steward.ask(
        "POST",
        f"/reports/{waiting['id']}/transitions",
        json={"deed": "hidden", "reason": "An address"},
        headers={"If-Match": f'"{waiting["version"]}"'},
    )
    assert hidden.status_code == 200, hidden.text
    archive = await archive_of(owner, organisation)
    assert [m["body"] for m in lines(archive, "messages.jsonl")] == ["", "Hello"]
    whole = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Their address" not in whole


async def test_a_place_given_back_ages_out_of_what_is_taken_along(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation)
    claim = await worker.post(f"/needs/{need['id']}/claims", {"note": "My mother is ill"})
    await worker.post(f"/claims/{claim['id']}/messages", {"body": "Ill as well"})
    await worker.move(f"/claims/{claim['id']}", "withdrawn")
    fresh = await archive_of(owner, organisation)
    assert [c["worker"] for c in lines(fresh, "claims.jsonl")] == ["worker"]
    async with transaction(world.runtime.sessions) as session:
        await session.execute(text("UPDATE claims SET updated_at = updated_at - interval '91 d'"))
    aged = await archive_of(owner, organisation)
    for name in ("claims.jsonl", "claim_history.jsonl", "messages.jsonl"):
        assert lines(aged, name) == [], name


async def test_what_was_taken_along_is_taken_in_elsewhere(world: World) -> None:
    owner = await world.sign_up("owner")
    first = await world.organisation(owner)
    second = await world.organisation(owner, "Elsewhere")
    await world.open_need(owner, first, tags=["bread"], estimate_minutes=150, places=3)
    draft = await world.draft(owner, first, language="ca", title="Una nova col·laboració")
    raw = (await archive_of(owner, first)).read("needs.jsonl")
    job = await import_all(world, owner, raw, second)
    assert job["result"]["create"] == 2
    again = await import_all(world, owner, raw, second)
    assert again["result"]["unchanged"] == 2

    async def said(organisation: Json) -> list[Json]:
        listed = await owner.get("/needs", organisation=organisation["id"], state="any")
        whole = [await owner.get(f"/needs/{need['id']}") for need in listed["items"]]
        return sorted(({n: need[n] for n in SAME} for need in whole), key=lambda n: n["title"])

    assert await said(first) == await said(second)
    assert draft["harm_check"] == HARM_CHECK


async def test_only_an_owner_takes_everything_along(world: World) -> None:
    owner, other = await world.sign_up("owner"), await world.sign_up("other")
    organisation = await world.organisation(owner)
    path = f"/organisations/{organisation['id']}/export"
    assert (await other.ask("GET", path)).status_code == 403
    assert (await world.stranger().ask("GET", path)).status_code == 401
    assert (await owner.ask("GET", path)).status_code == 200


async def test_a_great_many_needs_fit(world: World) -> None:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    rows = ({"external_id": f"x:{n}", "title": f"Need {n}"} for n in range(1100))
    raw = "\n".join(json.dumps(row) for row in rows).encode()
    await import_all(world, owner, raw, organisation)
    found = lines(await archive_of(owner, organisation), "needs.jsonl")
    assert len({line["external_id"] for line in found}) == 1100
