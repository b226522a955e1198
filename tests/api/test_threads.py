"""What the two sides of a claim write to one another, and questions about a need."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.infra import clock
from app.infra.database import transaction
from app.models.activity import Activity
from tests.api.test_files import Scene, make_scene
from tests.factories.uploads import upload
from tests.factories.world import Person, World

SECRET = "the key is under the mat"


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def test_two_sides_write_and_see_what_was_read(scene: Scene) -> None:
    path = f"/claims/{scene.claim['id']}/messages"
    first = await scene.worker.post(path, {"body": "Shall I begin?"})
    second = await scene.owner.post(path, {"body": "Please do."})
    seen = await scene.worker.get(path)
    assert [one["body"] for one in seen["items"]] == ["Please do.", "Shall I begin?"]
    assert [one["side"] for one in seen["items"]] == ["organisation", "worker"]
    assert seen["unread"] == 1
    # Whoever answers has read what stands above the answer.
    assert seen["items"][1]["read_at"] is not None
    assert (await scene.owner.get(path))["items"][0]["read_at"] is None
    answer = await scene.worker.ask("POST", f"{path}/read", json={"message_id": second["id"]})
    assert answer.status_code == 204
    assert (await scene.worker.get(path))["unread"] == 0
    read_at = (await scene.owner.get(path))["items"][0]["read_at"]
    assert read_at is not None
    with clock.moved(timedelta(hours=1)):  # older marks and later visits change nothing
        for message in (first, second):
            await scene.worker.ask("POST", f"{path}/read", json={"message_id": message["id"]})
    assert (await scene.owner.get(path))["items"][0]["read_at"] == read_at


async def test_nobody_else_reads_or_writes_there(scene: Scene) -> None:
    path = f"/claims/{scene.claim['id']}/messages"
    await scene.worker.post(path, {"body": SECRET})
    other, steward = await scene.world.sign_up("other"), await scene.world.set_up()
    for person, status in ((other, 404), (scene.world.stranger(), 401), (steward, 403)):
        for method in ("GET", "POST"):
            body = {"json": {"body": "x"}} if method == "POST" else {}
            answer = await person.ask(method, path, **body)
            assert answer.status_code == status
            assert SECRET not in answer.text


async def test_what_happened_is_logged_without_the_words(scene: Scene) -> None:
    await scene.worker.post(f"/claims/{scene.claim['id']}/messages", {"body": SECRET})
    await scene.worker.post(f"/needs/{scene.need['id']}/questions", {"body": SECRET})
    async with transaction(scene.world.runtime.sessions) as session:
        rows = (await session.exec(select(Activity))).all()
    verbs = {row.verb for row in rows}
    assert {"claim.message_posted", "need.question_asked"} <= verbs
    assert not [row for row in rows if SECRET in str(row.details)]


async def test_a_message_is_corrected_for_ten_minutes_by_its_author(scene: Scene) -> None:
    path = f"/claims/{scene.claim['id']}/messages"
    made = await scene.worker.post(path, {"body": "Monady"})
    one = f"{path}/{made['id']}"
    await scene.owner.change(one, {"body": "x"}, 1, expect=403)
    await scene.worker.change(one, {"body": "x"}, 9, expect=412)
    with clock.moved(timedelta(minutes=9)):
        changed = await scene.worker.change(one, {"body": "Monday"}, 1)
    assert (changed["body"], changed["version"]) == ("Monday", 2)
    with clock.moved(timedelta(minutes=11)):
        refused = await scene.worker.change(one, {"body": "Tuesday"}, 2, expect=409)
    assert refused["code"] == "message_edit_over"


async def test_a_deleted_message_leaves_nothing_but_that_there_was_one(scene: Scene) -> None:
    path = f"/claims/{scene.claim['id']}/messages"
    file = (await upload(scene.worker, scene.on_claim, "a.txt", b"secret")).json()
    made = await scene.worker.post(path, {"body": SECRET, "file_ids": [file["id"]]})
    assert (await scene.owner.ask("DELETE", f"{path}/{made['id']}")).status_code == 403
    assert (await scene.worker.ask("DELETE", f"{path}/{made['id']}")).status_code == 204
    (left,) = (await scene.owner.get(path))["items"]
    assert (left["deleted"], left["body"], left["files"]) == (True, "", [])
    assert (await scene.owner.http.get(file["url"])).status_code == 404
    await scene.world.work()
    assert await scene.stored() == []


async def test_only_ones_own_unsent_files_of_this_claim_are_sent(scene: Scene) -> None:
    path = f"/claims/{scene.claim['id']}/messages"
    theirs = (await upload(scene.owner, scene.on_claim, "a.txt", b"x")).json()
    elsewhere = (await upload(scene.owner, scene.on_need, "a.txt", b"x")).json()
    for file in (theirs, elsewhere):
        await scene.worker.post(path, {"file_ids": [file["id"]]}, expect=404)
    await scene.owner.post(path, {"file_ids": [theirs["id"]]})
    await scene.owner.post(path, {"file_ids": [theirs["id"]]}, expect=404)
    await scene.owner.post(path, {"body": "  "}, expect=422)
    assert len((await scene.owner.get(path))["items"]) == 1


async def test_a_thread_is_closed_thirty_days_after_the_end_and_stays_readable(
    scene: Scene,
) -> None:
    path = f"/claims/{scene.claim['id']}/messages"
    await scene.worker.post(path, {"body": "Sorry, no time"})
    await scene.worker.move(f"/claims/{scene.claim['id']}", "withdrawn", "ill")
    with clock.moved(timedelta(days=29)):
        await (await _again(scene)).post(path, {"body": "Get well"})
    with clock.moved(timedelta(days=31)):
        person = await _again(scene)
        refused = await person.ask("POST", path, json={"body": "Still there?"})
        assert refused.json()["code"] == "thread_closed"
        seen = await person.get(path)
    assert (len(seen["items"]), seen["may_write"]) == (2, False)


async def _again(scene: Scene) -> Person:
    body = {"handle": "owner", "password": "verd oliva 41"}
    person = scene.world.stranger()
    await person.post("/sessions", body)
    return person


async def test_questions_are_asked_and_answered_in_public(scene: Scene) -> None:
    path = f"/needs/{scene.need['id']}/questions"
    asked = await scene.worker.post(path, {"body": "Which host?"})
    stranger = scene.world.stranger()
    seen = await stranger.get(path)
    assert (seen["unanswered"], seen["may_ask"]) == (1, False)
    assert seen["items"][0]["author"]["handle"] == "worker"
    await scene.worker.post(f"{path}/{asked['id']}/answers", {"body": "x"}, expect=403)
    await scene.owner.post(f"{path}/{asked['id']}/answers", {"body": "Ours"})
    seen = await stranger.get(path)
    assert [one["body"] for one in seen["items"][0]["answers"]] == ["Ours"]
    assert seen["unanswered"] == 0


async def test_the_organisation_hides_and_the_author_deletes(scene: Scene) -> None:
    path = f"/needs/{scene.need['id']}/questions"
    asked = await scene.worker.post(path, {"body": "Buy my soap"})
    await scene.worker.post(f"{path}/{asked['id']}/hide", {"reason": "x"}, expect=403)
    await scene.owner.post(f"{path}/{asked['id']}/hide", {"reason": " "}, expect=422)
    await scene.owner.post(f"{path}/{asked['id']}/hide", {"reason": "Selling"}, expect=200)
    assert (await scene.world.stranger().get(path))["items"] == []
    assert (await scene.worker.get(path))["items"][0]["hidden_reason"] == "Selling"
    mine = await scene.worker.post(path, {"body": "When?"})
    assert (await scene.owner.ask("DELETE", f"{path}/{mine['id']}")).status_code == 403
    assert (await scene.worker.ask("DELETE", f"{path}/{mine['id']}")).status_code == 204
    (left,) = (await scene.world.stranger().get(path))["items"]
    assert (left["deleted"], left["body"]) == (True, "")


async def test_nobody_floods_with_questions(scene: Scene) -> None:
    path = f"/needs/{scene.need['id']}/questions"
    for n in range(3):
        await scene.worker.post(path, {"body": f"Question {n}"})
    refused = await scene.worker.post(path, {"body": "One more"}, expect=409)
    assert refused["code"] == "questions_waiting"
    for asked in (await scene.owner.get(path))["items"]:
        await scene.owner.post(f"{path}/{asked['id']}/answers", {"body": "Yes"})
        await scene.worker.post(path, {"body": "And then?"})
    for asked in (await scene.owner.get(path))["items"]:
        if not asked["answers"]:
            await scene.owner.post(f"{path}/{asked['id']}/answers", {"body": "Yes"})
    for n in range(3):
        await scene.worker.post(path, {"body": f"More {n}"})
    for asked in (await scene.owner.get(path))["items"]:
        if not asked["answers"]:
            await scene.owner.post(f"{path}/{asked['id']}/answers", {"body": "Yes"})
    await scene.worker.post(path, {"body": "The tenth"})
    refused = await scene.worker.post(path, {"body": "The eleventh"}, expect=429)
    assert refused["code"] == "questions_limit"


async def test_a_message_is_a_sign_of_life_of_the_worker_alone(scene: Scene) -> None:
    claim = f"/claims/{scene.claim['id']}"
    await scene.owner.move(claim, "accepted")
    await scene.worker.move(claim, "active")
    from app.models.claims import Claim  # noqa: PLC0415

    async def beat() -> object:
        async with transaction(scene.world.runtime.sessions) as session:
            return (await session.exec(select(Claim.heartbeat_at))).one()

    before = await beat()
    with clock.moved(timedelta(hours=5)):
        await scene.owner.post(f"{claim}/messages", {"body": "How is it going?"})
        assert await beat() == before
        await scene.worker.post(f"{claim}/messages", {"body": "Well"})
    assert await beat() != before
