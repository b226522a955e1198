"""Files: what is taken, what is kept of it, who reads it, and that it goes when removed."""

import asyncio
import io
from datetime import timedelta

import pytest
from fastapi import FastAPI
from obstore.store import MemoryStore
from PIL import Image
from pydantic import ValidationError

from app.infra import clock, ids
from app.infra.storage import Storage, make_storage
from app.settings import Settings
from tests.conftest import Services, make_settings
from tests.factories.application import make_application
from tests.factories.uploads import (
    CANARY,
    document,
    office,
    picture,
    telling_jpeg,
    telling_png,
    upload,
)
from tests.factories.world import Json, Person, World


class Scene:
    """An organisation with a need, and a worker with a claim on it."""

    def __init__(self, world: World, owner: Person, worker: Person) -> None:
        self.world, self.owner, self.worker = world, owner, worker
        self.organisation: Json = {}
        self.need: Json = {}
        self.claim: Json = {}

    @property
    def on_claim(self) -> dict[str, str]:
        return {"claim_id": self.claim["id"]}

    @property
    def on_need(self) -> dict[str, str]:
        return {"need_id": self.need["id"]}

    async def stored(self) -> list[bytes]:
        """Return the bytes of everything in the storage."""
        storage = self.world.runtime.storage
        return [await storage.get(one.id) async for one in storage.everything()]


async def make_scene(world: World) -> Scene:
    scene = Scene(world, await world.sign_up("owner"), await world.sign_up("worker"))
    scene.organisation = await world.organisation(scene.owner)
    scene.need = await world.open_need(scene.owner, scene.organisation, audience="public")
    scene.claim = await scene.worker.post(f"/needs/{scene.need['id']}/claims", {})
    return scene


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


@pytest.mark.parametrize(
    ("name", "content", "kept_as", "kind"),
    [
        ("photo.jpg", picture("JPEG"), "photo.jpg", "image/jpeg"),
        ("drawing.png", picture("PNG"), "drawing.png", "image/png"),
        ("shot.webp", picture("WEBP"), "shot.webp", "image/webp"),
        ("moving.gif", picture("GIF"), "moving.png", "image/png"),
        ("wrong.png", picture("JPEG"), "wrong.jpg", "image/jpeg"),
        ("paper.pdf", b"%PDF-1.7\n%%EOF", "paper.pdf", "application/pdf"),
        ("notes.TXT", "ναι, així".encode(), "notes.txt", "text/plain"),
        ("read.md", b"# Hello", "read.md", "text/markdown"),
        ("rows.csv", b"a,b\n1,2\n", "rows.csv", "text/csv"),
        ("l.odt", document(), "l.odt", "application/vnd.oasis.opendocument.text"),
        ("l.ods", document("spreadsheet"), "l.ods",
         "application/vnd.oasis.opendocument.spreadsheet"),
        ("l.docx", office(), "l.docx",
         "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("l.xlsx", office("xl/workbook.xml"), "l.xlsx",
         "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)  # fmt: skip
async def test_what_is_taken(
    scene: Scene, name: str, content: bytes, kept_as: str, kind: str
) -> None:
    answer = await upload(scene.worker, scene.on_claim, name, content, kind="text/html")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["name"], made["media_type"]) == (kept_as, kind)
    sent = await scene.worker.http.get(made["url"])
    assert sent.headers["content-type"].partition(";")[0] == kind
    way = "inline" if kind.startswith("image/") else "attachment"
    assert sent.headers["content-disposition"].startswith(way)


async def test_what_a_picture_says_of_people_is_gone(scene: Scene) -> None:
    for name, content in (("a.jpg", telling_jpeg()), ("b.png", telling_png())):
        assert CANARY in content
        answer = await upload(scene.worker, scene.on_claim, name, content, alt="Our bakery")
        assert answer.status_code == 201, answer.text
        assert answer.json()["alt"] == "Our bakery"
    stored = await scene.stored()
    assert len(stored) == 2
    for content in stored:
        assert CANARY not in content
        with Image.open(io.BytesIO(content)) as kept:
            assert dict(kept.getexif()) == {}
            assert set(kept.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    sizes = sorted(Image.open(io.BytesIO(content)).size for content in stored)
    assert sizes == [(30, 60), (40, 30)], "the photo stands upright"


async def test_a_large_picture_is_made_smaller_and_see_through_ones_stay_so(scene: Scene) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (3000, 1000), (10, 200, 30, 40)).save(out, "PNG")
    made = (await upload(scene.worker, scene.on_claim, "wide.png", out.getvalue())).json()
    assert (made["width"], made["height"]) == (2000, 667)
    (content,) = await scene.stored()
    with Image.open(io.BytesIO(content)) as kept:
        pixel = kept.getpixel((5, 5))
    assert isinstance(pixel, tuple)
    # Scaling rounds what is nearly invisible; how much shines through stays exact.
    assert pixel[3] == 40
    assert pixel[1] > 150 > pixel[0] + pixel[2]


async def test_only_whoever_may_read_the_thread_reads_its_files(scene: Scene) -> None:
    made = (await upload(scene.worker, scene.on_claim, "a.txt", b"for two")).json()
    other, stranger = await scene.world.sign_up("other"), scene.world.stranger()
    steward = await scene.world.set_up()

    async def statuses() -> list[int]:
        people = (scene.worker, scene.owner, other, stranger, steward)
        return [(await person.http.get(made["url"])).status_code for person in people]

    assert await statuses() == [200, 404, 404, 404, 404], "not sent yet"
    body = {"body": "Look", "file_ids": [made["id"]]}
    await scene.worker.post(f"/claims/{scene.claim['id']}/messages", body)
    assert await statuses() == [200, 200, 404, 404, 404]
    sent = await scene.owner.http.get(made["url"])
    assert sent.headers["cache-control"] == "private, no-cache"
    assert (await other.ask("GET", f"/files/{made['id']}")).status_code == 404
    assert (await other.ask("DELETE", f"/files/{made['id']}")).status_code == 404
    assert (await scene.owner.ask("DELETE", f"/files/{made['id']}")).status_code == 403


async def test_files_of_a_need_are_read_by_whoever_reads_the_need(scene: Scene) -> None:
    assert (await upload(scene.worker, scene.on_need, "a.txt", b"x")).status_code == 403
    made = (await upload(scene.owner, scene.on_need, "a.txt", b"for all")).json()
    stranger = scene.world.stranger()
    sent = await stranger.http.get(made["url"])
    assert sent.text == "for all"
    assert sent.headers["cache-control"] == "public, max-age=300"
    listed = await stranger.get(f"/needs/{scene.need['id']}/files")
    assert [one["name"] for one in listed["items"]] == ["a.txt"]
    await scene.owner.move(f"/needs/{scene.need['id']}", "withdrawn", "no longer", expect=409)
    draft = await scene.world.draft(scene.owner, scene.organisation)
    hidden = (await upload(scene.owner, {"need_id": draft["id"]}, "b.txt", b"draft")).json()
    assert (await stranger.http.get(hidden["url"])).status_code == 404
    sent = await scene.owner.http.get(hidden["url"])
    assert sent.headers["cache-control"] == "private, no-cache"


async def test_an_unchanged_file_is_not_sent_again(scene: Scene) -> None:
    made = (await upload(scene.owner, scene.on_need, "a.txt", b"for all")).json()
    first = await scene.owner.http.get(made["url"])
    again = {"If-None-Match": first.headers["etag"]}
    assert (await scene.owner.http.get(made["url"], headers=again)).status_code == 304
    assert (await scene.owner.http.get(f"/files/{made['id']}/other.txt")).status_code == 404


async def test_a_removed_file_is_really_gone(scene: Scene) -> None:
    made = (await upload(scene.owner, scene.on_need, "a.txt", b"gone soon")).json()
    assert (await scene.owner.ask("DELETE", f"/files/{made['id']}")).status_code == 204
    assert (await scene.owner.http.get(made["url"])).status_code == 404
    await scene.world.work()
    assert await scene.stored() == []


async def test_the_same_upload_sent_twice_is_one_file(scene: Scene) -> None:
    first = await upload(scene.owner, scene.on_need, "a.txt", b"one", key="same")
    again = await upload(scene.owner, scene.on_need, "a.txt", b"one", key="same")
    assert first.json() == again.json()
    assert len(await scene.stored()) == 1
    other = await upload(scene.owner, scene.on_need, "a.txt", b"two", key="same")
    assert other.status_code == 422


async def test_what_is_never_sent_is_swept(scene: Scene) -> None:
    made = (await upload(scene.worker, scene.on_claim, "a.txt", b"forgotten")).json()
    orphan = ids.private_id()
    await scene.world.runtime.storage.put(orphan, b"left by a crash")
    await scene.world.work()
    assert len(await scene.stored()) == 2, "both may still be on their way"
    with clock.moved(timedelta(hours=2)):
        await scene.world.work()
    assert await scene.stored() == [b"forgotten"]
    with clock.moved(timedelta(hours=25)):
        await scene.world.work()
    assert await scene.stored() == []
    assert (await scene.worker.ask("GET", f"/files/{made['id']}")).status_code == 404


QUOTA = {"files_account_max_bytes": 2000, "file_max_bytes": 1500}


@pytest.fixture
async def tight(database: Services, settings: Settings) -> FastAPI:
    return make_application(make_settings(database, settings.data_dir, **QUOTA))


async def test_two_uploads_at_once_do_not_pass_the_quota(tight: FastAPI) -> None:
    async with tight.router.lifespan_context(tight):
        scene = await make_scene(World(tight))
        sending = [upload(scene.worker, scene.on_claim, f"{n}.txt", b"x" * 900) for n in range(6)]
        answers = await asyncio.gather(*sending)
        assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
        refused = next(answer.json() for answer in answers if answer.status_code == 409)
        assert refused["code"] == "file_quota_account"
        assert sum(len(content) for content in await scene.stored()) == 1800
        large = await upload(scene.worker, scene.on_claim, "l.txt", b"x" * 1501)
        assert (large.status_code, large.json()["code"]) == (413, "file_too_large")


async def test_objects_are_written_read_listed_and_removed_alike_everywhere(
    settings: Settings,
) -> None:
    for storage in (Storage(MemoryStore()), make_storage("", settings.data_dir)):
        file_id = ids.private_id()
        await storage.put(file_id, b"first")
        await storage.put(file_id, b"second")
        assert await storage.get(file_id) == b"second"
        assert [one.id async for one in storage.everything()] == [file_id]
        await storage.delete(file_id)
        await storage.delete(file_id)
        assert [one.id async for one in storage.everything()] == []


@pytest.mark.parametrize(
    "address", ["http://files.example", "s3://", "s3://b?skip_signature=true", "/var/files"]
)
def test_an_unusable_storage_is_refused_at_start(address: str) -> None:
    assert Settings(storage_url="s3://bucket?region=eu").storage_url
    with pytest.raises(ValidationError, match="storage_url"):
        Settings(storage_url=address)
