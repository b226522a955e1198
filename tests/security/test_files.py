"""Files that mean harm: refused, or harmless by the time anybody sees them."""

import io
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from tests.api.test_files import Scene, make_scene
from tests.factories.uploads import document, office, picture, upload
from tests.factories.world import World
from tests.pages.reading import Reader

SCRIPT = b"<script>alert(document.cookie)</script>"


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


def huge_png() -> bytes:
    """A picture of some kilobytes that wants four gigabytes of memory."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 60_000, 20_000, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\x00" * 1_000_000, 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")


def bomb() -> bytes:
    return document(extra={"big.xml": b"\x00" * 250_000_000})


def prefixed() -> bytes:
    return b"PK\x03\x04" + SCRIPT + document()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
REFUSED = {
    "HTML as a picture": ("a.png", SCRIPT),
    "HTML": ("a.html", b"<!doctype html>" + SCRIPT),
    "SVG": ("a.svg", SVG),
    "SVG as a picture": ("a.png", SVG),
    "a program": ("a.pdf", b"MZ\x90\x00" + b"\x00" * 100),
    "a PDF after a page": ("a.pdf", SCRIPT + b"%PDF-1.7"),
    "text with control characters": ("a.txt", b"a\x1b[2Jb"),
    "text in no alphabet": ("a.txt", b"\xff\xfe\x00"),
    "no ending": ("LICENSE", b"plain"),
    "a plain zip": ("a.zip", office("x")),
    "a document under another's name": ("a.docx", document()),
    "macros": ("a.docx", office(extra={"word/vbaProject.bin": b"x"})),
    "a way out of the folder": ("a.odt", document(extra={"../../etc/x": b"x"})),
    "a page before a document": ("a.odt", prefixed()),
    "a zip bomb": ("a.odt", bomb()),
    "a broken zip": ("a.odt", document()[:60]),
    "a broken picture": ("a.jpg", b"\xff\xd8\xff" + SCRIPT),
    "nothing": ("a.txt", b""),
    "too many pixels": ("a.png", huge_png()),
}


@pytest.mark.parametrize("what", list(REFUSED))
async def test_refused_with_a_sentence_and_nothing_is_kept(scene: Scene, what: str) -> None:
    name, content = REFUSED[what]
    taken = await upload(scene.worker, scene.on_claim, "fine.png", picture())
    assert taken.status_code == 201
    refused = await upload(scene.worker, scene.on_claim, name, content, kind="image/png")
    assert refused.status_code in {413, 415, 422}, refused.text
    assert refused.json()["detail"]
    if refused.status_code == 415:
        assert "PDF" in refused.json()["detail"]
    assert len(await scene.stored()) == 1


async def test_a_picture_that_is_also_a_script_is_only_a_picture_afterwards(scene: Scene) -> None:
    gif = bytearray(picture("GIF"))
    polyglot = bytes(gif) + b"\n=1;" + SCRIPT
    made = await upload(scene.worker, scene.on_claim, "a.gif", polyglot, kind="text/javascript")
    assert made.status_code == 201
    (content,) = await scene.stored()
    assert b"script" not in content
    assert content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\anna\\plan.txt", "plan.txt"),
        ("..txt", "file.txt"),
        ("a\u202egpj.txt", "agpj.txt"),
        ("<img src=x onerror=alert(1)>.txt", "img src=x onerror=alert(1).txt"),
        ("a\u200bb.txt", "ab.txt"),
        (f"{'λ' * 300}.txt", f"{'λ' * 116}.txt"),
    ],
)
async def test_a_name_is_only_a_name(scene: Scene, sent: str, kept: str) -> None:
    made = await upload(scene.worker, scene.on_claim, sent, b"text")
    assert made.status_code == 201, made.text
    assert made.json()["name"] == kept
    answer = await scene.worker.http.get(made.json()["url"])
    assert answer.text == "text"
    assert f"filename*=UTF-8''{quote(kept)}" in answer.headers["content-disposition"]
    assert answer.headers["content-disposition"].isascii()


async def test_whatever_is_served_runs_nothing(scene: Scene) -> None:
    for name, content in (
        ("a.txt", SCRIPT),
        ("p.pdf", b"%PDF-1.7 " + SCRIPT),
        ("a.png", picture()),
    ):
        made = (await upload(scene.worker, scene.on_claim, name, content)).json()
        answer = await scene.worker.http.get(made["url"])
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = "default-src 'none'; frame-ancestors 'none'; sandbox"
        assert answer.headers["content-security-policy"] == policy
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert not answer.headers["content-type"].startswith("text/html")


async def test_who_sends_is_looked_at_before_the_body_is_read(scene: Scene) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(50):
            read += 1
            yield b"x" * 1000

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    for person, status in (
        (scene.world.stranger(), 401),
        (await scene.world.sign_up("other"), 404),
    ):
        answer = await person.ask(
            "POST", "/files", params=scene.on_claim, content=body(), headers=kind
        )
        assert answer.status_code == status
    assert read <= 4, "the transport hands over a piece or two unasked"


# The parser leaves the half-read spool (unnamed, in no folder) for the garbage collector to close.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
async def test_an_upload_cut_in_the_middle_leaves_nothing(scene: Scene) -> None:
    whole = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        + b"y" * 50_000
    )
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await scene.worker.ask(
        "POST", "/files", params=scene.on_claim, content=whole, headers=kind
    )
    assert answer.status_code in {400, 422}
    assert await scene.stored() == []
    large = whole.replace(b"y", b"y" * 300)
    answer = await scene.worker.ask(
        "POST", "/files", params=scene.on_claim, content=large, headers=kind
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_words_and_names_act_nowhere(scene: Scene) -> None:
    hostile = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) <script>x</script>"
    made = (await upload(scene.worker, scene.on_claim, '"><script>.txt', b"x")).json()
    path = f"/claims/{scene.claim['id']}/messages"
    await scene.worker.post(path, {"body": hostile, "file_ids": [made["id"]]})
    await scene.worker.post(f"/needs/{scene.need['id']}/questions", {"body": hostile})
    reader = Reader(scene.world, scene.owner)
    for page in (path, f"/needs/{scene.need['id']}"):
        shown = await reader.open(page)
        assert "onerror" not in str([e.attributes for e in shown.main.all("img")])
        assert shown.main.all("script") == []
        assert not [a for a in shown.main.all("a") if "javascript" in a.attributes.get("href", "")]


def test_the_bomb_is_small_and_large_at_once() -> None:
    with zipfile.ZipFile(io.BytesIO(bomb())) as archive:
        assert sum(one.file_size for one in archive.infolist()) > 200_000_000
    assert len(bomb()) < 1_000_000
    assert len(huge_png()) < 10_000
