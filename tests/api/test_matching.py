"""Matching by API: who sees whom, what is said of it, and what stays unsaid."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from app.domain.access import Actor
from app.domain.organisations import blocking
from app.infra import clock
from app.infra.database import transaction
from app.models.activity import Activity
from tests.factories.world import Json, Person, World

SKILLS = [{"slug": "wordpress", "weight": "must"}, {"slug": "css", "weight": "nice"}]
EVENINGS = [[18, 19, 20, 21]] * 5 + [[], []]


async def profile(person: Person, *skills: str, **changes: Any) -> Json:
    now = await person.get("/me/profile")
    body = {
        "skills": [{"slug": slug} for slug in skills],
        "languages": ["en"],
        "hours_per_week": 5,
        "time_zone": "UTC",
        "findable": True,
        **changes,
    }
    headers = {"If-Match": f'"{now["version"]}"'} if now["version"] else {}
    answer = await person.ask("PUT", "/me/profile", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
async def owner(world: World) -> Person:
    return await world.sign_up("owner")


@pytest.fixture
async def need(world: World, owner: Person) -> Json:
    organisation = await world.organisation(owner)
    return await world.open_need(owner, organisation, skills=SKILLS, places=2)


@pytest.fixture
async def worker(world: World) -> Person:
    person = await world.sign_up("maro", email="canary@secret.example")
    await profile(person, "wordpress", "php", "python", about="canary words")
    return person


async def found(person: Person, need: Json) -> list[str]:
    items = (await person.get(f"/needs/{need['id']}/matches"))["items"]
    return [item["worker"]["handle"] for item in items]


async def test_a_board_says_each_part_and_the_parts_add_up(need: Json, worker: Person) -> None:
    (match,) = (await worker.get("/me/matches"))["items"]
    assert match["need"]["id"] == need["id"]
    assert sum(reason["points"] for reason in match["reasons"]) == match["score"]
    said = {reason["code"]: reason for reason in match["reasons"]}
    assert said["skills"]["params"] == {"held": 1, "n": 2, "weight": 3, "weights": 4}
    assert said["skills"]["text"] == "1 of 2 skills (weight 3 of 4)"
    assert said["new_need"]["text"] == "Posted today"
    assert said["hours"]["text"] == "5 h a week free, enough for 4 h"
    fit = await worker.get(f"/needs/{need['id']}/fit")
    assert (fit["score"], fit["reasons"]) == (match["score"], match["reasons"])


async def test_hours_in_common_come_from_both_weeks(
    world: World, owner: Person, need: Json, worker: Person
) -> None:
    before = (await worker.get("/me/matches"))["items"][0]["score"]
    saved = await profile(worker, "wordpress", availability=EVENINGS)
    assert saved["availability"] == EVENINGS
    fit = await worker.get(f"/needs/{need['id']}/fit")
    (overlap,) = [r for r in fit["reasons"] if r["code"] == "no_overlap"]
    assert (overlap["points"], fit["score"]) == (0, before)
    organisation = await owner.get(f"/organisations/{need['organisation']['id']}")
    body = {"working_hours": [[19, 20]] * 5 + [[], []]}
    await owner.change(f"/organisations/{organisation['id']}", body, organisation["version"])
    fit = await worker.get(f"/needs/{need['id']}/fit")
    (overlap,) = [r for r in fit["reasons"] if r["code"] == "overlap"]
    assert (overlap["params"]["n"], overlap["points"]) == (10, 10)


async def test_work_taken_on_counts_against_the_hours(
    world: World, owner: Person, need: Json, worker: Person
) -> None:
    other = await world.open_need(
        owner, {"id": need["organisation"]["id"]}, estimate_minutes=8 * 60
    )
    claim = await worker.post(f"/needs/{other['id']}/claims", {"note": ""})
    await owner.move(f"/claims/{claim['id']}", "accepted")
    fit = await worker.get(f"/needs/{need['id']}/fit")
    (hours,) = [r for r in fit["reasons"] if r["code"] == "hours"]
    assert hours["params"]["free_minutes"] == 5 * 60 - 8 * 60 // 4


async def test_not_for_me_is_kept_and_can_be_undone(need: Json, worker: Person) -> None:
    path = f"/needs/{need['id']}/dismissal"
    for _ in range(2):
        assert (await worker.ask("POST", path)).status_code == 204
    assert (await worker.get("/me/matches"))["items"] == []
    (hidden,) = (await worker.get("/me/dismissals"))["items"]
    assert hidden["id"] == need["id"]
    assert (await worker.ask("DELETE", path)).status_code == 204
    assert len((await worker.get("/me/matches"))["items"]) == 1
    assert (await worker.get("/me/dismissals"))["items"] == []


async def test_an_empty_board_says_what_would_help(need: Json, world: World) -> None:
    person = await world.sign_up("new")
    board = await person.get("/me/matches")
    assert (board["items"], board["lacks"]) == ([], "skills")
    await profile(person, "wordpress", languages=[])
    assert (await person.get("/me/matches"))["lacks"] == "languages"
    await profile(person, "wordpress", languages=["el"])
    board = await person.get("/me/matches")
    assert (board["items"], board["lacks"], board["in_other_languages"]) == ([], None, 1)
    there = await person.get("/me/matches", other_languages="true")
    assert [match["need"]["id"] for match in there["items"]] == [need["id"]]
    reasons = there["items"][0]["reasons"]
    assert sum(reason["points"] for reason in reasons) == there["items"][0]["score"]
    assert "In English, which you do not write" in [reason["text"] for reason in reasons]
    await profile(person, "css", languages=["el"])  # the must-have is missing in any language
    assert (await person.get("/me/matches"))["in_other_languages"] == 0


async def test_parts_are_said_so_that_they_can_be_computed_again(
    world: World, need: Json, worker: Person
) -> None:
    await profile(worker, "wordpress", "html")  # html stands beside css
    with clock.moved(timedelta(days=5)):
        (match,) = (await worker.get("/me/matches"))["items"]
    said = {reason["code"]: reason for reason in match["reasons"]}
    assert said["near_skills"]["text"] == "1 related skill (half of weight 1)"
    assert said["new_need"]["text"] == "Posted 5 days ago: 110 of 120 parts count"
    whole = 60 * (3 + 0.5) // 4 + said["hours"]["points"]
    assert match["score"] == whole * 110 // 120


async def test_only_those_who_answer_for_a_need_see_who_fits(
    world: World, owner: Person, need: Json, worker: Person
) -> None:
    assert await found(owner, need) == ["maro"]
    assert await found(await world.set_up(), need) == ["maro"]
    stranger, other = world.stranger(), await world.sign_up("other")
    path = f"/needs/{need['id']}/matches"
    assert (await stranger.ask("GET", path)).status_code == 401
    for person in (other, worker):
        answer = await person.ask("GET", path)
        assert answer.status_code == 403
        assert "maro" not in answer.text


async def test_nothing_is_told_beyond_what_was_agreed(
    owner: Person, need: Json, worker: Person
) -> None:
    told = json.dumps(await owner.get(f"/needs/{need['id']}/matches"))
    for canary in ("canary", "secret.example", "python", "php", "about", "email"):
        assert canary not in told
    (match,) = json.loads(told)["items"]
    assert set(match) == {
        "worker", "score", "reasons", "skills", "near_skills", "languages", "invited",
    }  # fmt: skip
    assert set(match["worker"]) == {"account_id", "handle", "display_name"}
    assert match["skills"] == ["wordpress"]


async def test_who_is_not_to_be_found_appears_nowhere(
    owner: Person, need: Json, worker: Person
) -> None:
    path = f"/needs/{need['id']}/invitations"
    seen = await found(owner, need)
    await profile(worker, "wordpress", findable=False)  # at once, not with a next run
    assert (seen, await found(owner, need)) == (["maro"], [])
    hidden = await owner.ask("POST", path, json={"account_id": worker.id})
    nobody = await owner.ask(
        "POST", path, json={"account_id": "019a0000-0000-7000-8000-000000000000"}
    )
    assert hidden.status_code == nobody.status_code == 404
    assert hidden.json()["code"] == nobody.json()["code"] == "worker_not_found"
    await profile(worker, "wordpress")
    assert await found(owner, need) == ["maro"]


async def test_a_profile_is_not_to_be_found_unless_one_says_so(
    world: World, owner: Person, need: Json
) -> None:
    quiet = await world.sign_up("quiet")
    body = {"skills": [{"slug": "wordpress"}], "languages": ["en"]}
    answer = await quiet.ask("PUT", "/me/profile", json=body)
    assert answer.json()["findable"] is False
    assert await found(owner, need) == []
    assert len((await quiet.get("/me/matches"))["items"]) == 1


async def test_an_invitation_is_sent_once_and_told(
    world: World, owner: Person, need: Json, worker: Person
) -> None:
    path = f"/needs/{need['id']}/invitations"
    other = await world.sign_up("other")
    refused = await other.ask("POST", path, json={"account_id": worker.id})
    assert refused.status_code == 403
    await owner.post(path, {"account_id": worker.id})
    again = await owner.ask("POST", path, json={"account_id": worker.id})
    assert (again.status_code, again.json()["code"]) == (409, "already_invited")
    (match,) = (await owner.get(f"/needs/{need['id']}/matches"))["items"]
    assert match["invited"] is True
    async with transaction(world.runtime.sessions) as session:
        statement = select(Activity).where(Activity.verb == "need.worker_invited")
        (told,) = (await session.exec(statement)).all()
    assert told.details == {"worker": worker.id}


async def test_an_organisation_invites_no_crowds(
    world: World, owner: Person, need: Json, worker: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.domain.matching.actions.INVITATIONS_A_DAY", 1)
    second = await world.sign_up("second")
    await profile(second, "wordpress")
    path = f"/needs/{need['id']}/invitations"
    await owner.post(path, {"account_id": worker.id})
    spent = await owner.ask("POST", path, json={"account_id": second.id})
    assert (spent.status_code, spent.json()["code"]) == (429, "invitations_spent")
    assert int(spent.headers["retry-after"]) > 0
    with clock.moved(timedelta(days=1, minutes=1)):
        await owner.post(path, {"account_id": second.id})


async def test_posted_this_week_is_said_of_the_sources_own_date(
    world: World, owner: Person, worker: Person, need: Json
) -> None:
    # An import keeps the row as its source gave it; a need that is years old there is not new.
    steward = await world.set_up()
    row = {
        "external_id": "x:1", "organisation": "Upstream", "title": "Old request for help",
        "body": "Since long", "language": "en", "tags": ["wordpress"],
        "updated": "2022-04-26T22:25:24Z",
    }  # fmt: skip
    files = {"file": ("needs.jsonl", json.dumps(row).encode(), "application/x-ndjson")}
    answer = await steward.ask(
        "POST", "/imports?dry_run=0", files=files, headers={"Idempotency-Key": "old"}
    )
    assert answer.status_code == 202, answer.text
    await world.work()
    matches = (await worker.get("/me/matches"))["items"]
    ages = {
        match["need"]["title"]: [r["code"] for r in match["reasons"] if "_need" in r["code"]]
        for match in matches
    }
    assert ages == {"Old request for help": ["age_need"], need["title"]: ["new_need"]}


async def test_who_is_not_to_be_found_changes_nothing_that_others_see(
    world: World, owner: Person, need: Json
) -> None:
    """Every answer is the same to the byte, whether somebody hidden is there or not."""
    paths = [
        f"/needs/{need['id']}/matches", f"/needs/{need['id']}", "/needs", "/instance",
        f"/organisations/{need['organisation']['id']}",
    ]  # fmt: skip

    async def seen() -> list[tuple[int, str]]:
        answers = [await owner.ask("GET", path) for path in paths]
        return [(answer.status_code, answer.text) for answer in answers]

    hidden = await world.sign_up("hidden-canary", display_name="Canary")
    before = await seen()
    await profile(hidden, "wordpress", "css", findable=False, availability=EVENINGS)
    assert await seen() == before
    assert (await owner.get(f"/needs/{need['id']}/matches"))["items"] == []
    await profile(hidden, "wordpress", "css", findable=True)
    assert "canary" in json.dumps(await seen())
    await profile(hidden, "wordpress", "css", findable=False)
    assert await seen() == before  # withdrawn: at once, and without a trace
    with clock.moved(timedelta(days=1)):
        assert "canary" not in (await owner.http.get(f"/needs/{need['id']}/workers")).text


async def block(world: World, person: Person, organisation: str, worker: Person) -> None:
    actor = Actor(account_id=UUID(person.id))
    async with transaction(world.runtime.sessions) as session:
        if person is worker:
            await blocking.block_organisation(session, actor, UUID(organisation))
        else:
            await blocking.block_person(session, actor, UUID(organisation), UUID(worker.id))


async def unblock(world: World, person: Person, organisation: str, worker: Person) -> None:
    actor = Actor(account_id=UUID(person.id))
    async with transaction(world.runtime.sessions) as session:
        if person is worker:
            await blocking.unblock_organisation(session, actor, UUID(organisation))
        else:
            await blocking.unblock_person(session, actor, UUID(organisation), UUID(worker.id))


async def test_who_is_kept_apart_is_matched_neither_way(
    world: World, owner: Person, need: Json, worker: Person
) -> None:
    organisation = need["organisation"]["id"]
    path = f"/needs/{need['id']}/invitations"
    for person in (worker, owner):
        assert await found(owner, need) == ["maro"]
        await block(world, person, organisation, worker)
        assert await found(owner, need) == []
        refused = await owner.ask("POST", path, json={"account_id": worker.id})
        assert (refused.status_code, refused.json()["code"]) == (404, "worker_not_found")
        mine = (await worker.get("/me/matches"))["items"]
        fit = (await worker.get(f"/needs/{need['id']}/fit"))["score"]
        if person is worker:  # only one's own block hides the need from oneself
            assert (mine, fit) == ([], None)
        else:
            assert len(mine) == 1
        await unblock(world, person, organisation, worker)
    assert len((await worker.get("/me/matches"))["items"]) == 1
