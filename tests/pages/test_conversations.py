"""Messages, questions and files on pages, without scripts."""

import pytest

from tests.api.test_files import Scene, make_scene
from tests.factories.uploads import picture
from tests.factories.world import World
from tests.pages.reading import Reader

HEADERS = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def test_a_message_with_a_picture_is_sent_and_read(scene: Scene) -> None:
    path = f"/claims/{scene.claim['id']}/messages"
    worker, owner = Reader(scene.world, scene.worker), Reader(scene.world, scene.owner)
    page = await worker.open(path)
    fields = {**page.form(path), "body": "Shall **I** begin?", "alt": "Our bakery"}
    fields.pop("file", None)
    for _ in range(2):  # a double click
        answer = await worker.http.post(
            path, data=fields, files={"file": ("a.png", picture(), "image/png")}, headers=HEADERS
        )
        assert answer.status_code == 303, answer.text[:2000]
    claims = await owner.open(f"/organisations/{scene.organisation['id']}/claims")
    assert "1 unread message" in claims.main.text
    shown = await owner.open(path)
    assert "Shall I begin?" in shown.main.text
    assert shown.main.one("img").attributes["alt"] == "Our bakery"
    assert "Read" in (await worker.open(path)).main.text
    assert "unread" not in (await owner.open(claims.answer.url.path)).main.text


async def test_a_refused_file_says_what_is_taken_and_keeps_the_words(scene: Scene) -> None:
    path = f"/claims/{scene.claim['id']}/messages"
    worker = Reader(scene.world, scene.worker)
    fields = {**(await worker.open(path)).form(path), "body": "Look at this"}
    fields.pop("file", None)
    answer = await worker.http.post(
        path, data=fields, files={"file": ("a.exe", b"MZ", "image/png")}, headers=HEADERS
    )
    assert answer.status_code == 415
    assert "Look at this" in answer.text
    assert "XLSX" in answer.text
    assert await scene.stored() == []
    fields["form_token"] = "wrong"
    answer = await worker.http.post(path, data=fields, files={}, headers=HEADERS)
    assert answer.status_code == 403


async def test_a_question_is_asked_and_answered_on_the_needs_page(scene: Scene) -> None:
    need = f"/needs/{scene.need['id']}"
    worker, owner = Reader(scene.world, scene.worker), Reader(scene.world, scene.owner)
    await worker.send(need, f"{need}/questions", body="Which host?")
    (asked,) = (await scene.owner.get(f"{need}/questions"))["items"]
    await owner.send(need, f"{need}/questions/{asked['id']}/answers", body="Ours")
    page = await Reader(scene.world).open(need)
    assert "Which host?" in page.main.text
    assert "Ours" in page.main.text
    await worker.send(need, f"{need}/questions", status=422, body="")


async def test_an_organisation_attaches_and_removes_a_file(scene: Scene) -> None:
    need = f"/needs/{scene.need['id']}"
    owner = Reader(scene.world, scene.owner)
    fields = (await owner.open(need)).form(f"{need}/files")
    fields.pop("file", None)
    answer = await owner.http.post(
        f"{need}/files", data=fields, files={"file": ("plan.txt", b"x")}, headers=HEADERS
    )
    assert answer.status_code == 303, answer.text[:2000]
    stranger = Reader(scene.world)
    assert "plan.txt" in (await stranger.open(need)).main.text
    (file,) = (await scene.owner.get(f"{need}/files"))["items"]
    await owner.send(need, f"{need}/files/{file['id']}/remove")
    assert "plan.txt" not in (await stranger.open(need)).main.text
