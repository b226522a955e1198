"""Slipping something past those who read first: the stewards' desk, a hold, a block."""

import json
from dataclasses import dataclass

import pytest

from tests.factories.uploads import upload
from tests.factories.world import HARM_CHECK, Json, Person, World
from tests.pages.reading import Reader

LINK = "See https://evil.example/win"


@dataclass
class Fresh:
    """Somebody with an organisation that was accepted and that nobody vouched for."""

    steward: Person
    owner: Person
    home: Json

    @property
    def path(self) -> str:
        """Where the organisation is."""
        return f"/organisations/{self.home['id']}"


@pytest.fixture
async def fresh(world: World) -> Fresh:
    """Accepted by a steward, and no more than that."""
    owner = await world.sign_up("owner")
    home = await world.organisation(owner, vouched=False)
    return Fresh(await world.set_up(), owner, home)


async def _waiting(world: World, fresh: Fresh) -> Json:
    draft = await world.draft(fresh.owner, fresh.home)
    return await fresh.owner.move(f"/needs/{draft['id']}", "review")


async def test_a_file_is_part_of_what_a_steward_reads(world: World, fresh: Fresh) -> None:
    """It stands on the desk, and what came after the reading has to be read first."""
    read = await _waiting(world, fresh)
    path = f"/needs/{read['id']}"
    sent = await upload(fresh.owner, {"need_id": read["id"]}, "leaflet.txt", b"Send money")
    assert sent.status_code == 201, sent.text
    decision = {"to": "open", "version": read["version"]}
    stale = await fresh.steward.post(f"{path}/transitions", decision, expect=412)
    assert stale["code"] == "version_stale"
    desk = await Reader(world, fresh.steward).open("/stewardship/reviews")
    assert "leaflet.txt" in desk.main.text
    decision["version"] = (await fresh.steward.get(path))["version"]
    await fresh.steward.post(f"{path}/transitions", decision, expect=200)
    late = await upload(fresh.owner, {"need_id": read["id"]}, "late.txt", b"Send more")
    assert late.json()["code"] == "words_were_reviewed"
    named = [file["name"] for file in (await fresh.owner.get(f"{path}/files"))["items"]]
    assert named == ["leaflet.txt"]


async def test_what_a_file_is_said_to_show_holds_no_link(world: World, fresh: Fresh) -> None:
    read = await _waiting(world, fresh)
    target = {"need_id": read["id"]}
    refused = await upload(fresh.owner, target, "plan.txt", b"Plain", alt=LINK)
    assert refused.json()["code"] == "links_unvouched"
    assert (await upload(fresh.owner, target, "plan.txt", b"Plain")).status_code == 201


@pytest.mark.parametrize("said", [{"name": "Win big"}, {"site": "https://evil.example/"}])
async def test_an_organisation_stays_what_was_accepted(
    world: World, fresh: Fresh, said: Json
) -> None:
    version = fresh.home["version"]
    refused = await fresh.owner.change(fresh.path, said, version, expect=409)
    assert refused["code"] == "organisation_was_reviewed"
    # The same again is no change, and a steward may.
    same = {"name": fresh.home["name"], "site": fresh.home["site"], "languages": ["nl"]}
    changed = await fresh.owner.change(fresh.path, same, version)
    mended = await fresh.steward.change(fresh.path, said, changed["version"])
    await fresh.steward.post(f"{fresh.path}/vouches", expect=200)
    now = await fresh.owner.get(fresh.path)
    assert mended["version"] < now["version"]
    await fresh.owner.change(fresh.path, {"name": "Better", "site": None}, now["version"])


async def test_what_an_organisation_says_of_itself_holds_no_link(fresh: Fresh) -> None:
    version = fresh.home["version"]
    refused = await fresh.owner.change(fresh.path, {"summary": LINK}, version, expect=422)
    assert (refused["code"], refused["errors"][0]["pointer"]) == ("links_unvouched", "/summary")
    assert (await fresh.owner.change(fresh.path, {"summary": "Bread"}, version))["summary"]


async def test_members_ask_themselves_no_link(world: World, fresh: Fresh) -> None:
    need = await _waiting(world, fresh)
    await fresh.steward.move(f"/needs/{need['id']}", "open")
    questions = f"/needs/{need['id']}/questions"
    refused = await fresh.owner.post(questions, {"body": LINK}, expect=422)
    assert refused["code"] == "links_unvouched"
    await fresh.owner.post(questions, {"body": "Is this clear?"})


async def test_an_import_is_no_way_to_many_needs(world: World, fresh: Fresh) -> None:
    rows = "".join(
        json.dumps(
            {"external_id": f"x:{n}", "title": f"Row {n}", "language": "en", "tags": ["x"],
             "harm_check": HARM_CHECK}
        ) + "\n"
        for n in range(3)
    )  # fmt: skip
    for again in range(2):
        answer = await fresh.owner.ask(
            "POST",
            f"/imports?organisation_id={fresh.home['id']}",
            files={"file": ("needs.jsonl", rows.replace("x:", f"{again}:").encode(), "text/plain")},
            headers={"Idempotency-Key": f"import-number-{again}"},
        )
        assert answer.status_code == 202, answer.text
        await world.work()
    found = await fresh.owner.get("/needs", organisation=fresh.home["id"], state="any")
    assert sorted(need["state"] for need in found["items"]) == ["draft"] * 5 + ["review"]


async def _held(world: World, fresh: Fresh) -> tuple[str, Json]:
    need = await _waiting(world, fresh)
    path = f"/needs/{need['id']}"
    await fresh.steward.move(path, "open")
    return path, await fresh.steward.post(f"{path}/holds", {"reason": "Let us look"})


async def _release(steward: Person, hold: Json) -> int:
    headers = {"If-Match": f'"{hold["version"]}"'}
    body = {"to": "released", "reason": "Cleared"}
    path = f"/holds/{hold['id']}/transitions"
    return (await steward.ask("POST", path, json=body, headers=headers)).status_code


@pytest.mark.parametrize("by", ["words", "translation", "file"])
async def test_what_was_mended_is_read_before_it_is_let_go(
    world: World, fresh: Fresh, by: str
) -> None:
    path, hold = await _held(world, fresh)
    need = await fresh.owner.get(path)
    headers = {"If-Match": f'"{need["version"]}"'}
    if by == "words":
        await fresh.owner.change(path, {"body": "Other words"}, need["version"])
    elif by == "translation":
        said = {"title": "Andere woorden"}
        put = await fresh.owner.ask("PUT", f"{path}/translations/nl", json=said, headers=headers)
        assert put.status_code == 200, put.text
    else:
        sent = await upload(fresh.owner, {"need_id": need["id"]}, "more.txt", b"More")
        assert sent.status_code == 201, sent.text
    assert await _release(fresh.steward, hold) == 412
    assert await _release(fresh.steward, await fresh.steward.get(f"{path}/hold")) == 200


async def test_a_hold_is_no_way_to_links(world: World, fresh: Fresh) -> None:
    path, hold = await _held(world, fresh)
    need = await fresh.owner.get(path)
    refused = await fresh.owner.change(path, {"body": LINK}, need["version"], expect=422)
    assert refused["code"] == "links_unvouched"
    # What says the same leaves the hold as it was read.
    await fresh.owner.change(path, {"places": 2}, need["version"])
    assert await _release(fresh.steward, hold) == 200


async def test_who_was_blocked_says_nothing_new_in_old_messages(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    home = await world.organisation(owner)
    need = await world.open_need(owner, home)
    claim = await worker.post(f"/needs/{need['id']}/claims", {"note": "I can"})
    thread = f"/claims/{claim['id']}/messages"
    said = await worker.post(thread, {"body": "Hello"})
    one = f"{thread}/{said['id']}"
    corrected = await worker.change(one, {"body": "Hello!"}, said["version"])
    block = {"account_id": worker.id}
    kept_away = await owner.ask("POST", f"/organisations/{home['id']}/blocks", json=block)
    assert kept_away.status_code == 204
    await worker.change(one, {"body": "Insults"}, corrected["version"], expect=403)
    (shown,) = (await owner.get(thread))["items"]
    assert shown["body"] == "Hello!"
