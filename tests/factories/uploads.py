"""Files as people, and people who mean harm, send them."""

import io
import zipfile
from typing import Any

import httpx
from PIL import Image, PngImagePlugin

from tests.factories.world import Person

CANARY = b"CANARY-41.3851-2.1734-Anna"


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    """Return a small picture."""
    out = io.BytesIO()
    Image.new("RGB", size, (200, 80, 40)).save(out, kind, **options)
    return out.getvalue()


def telling_jpeg() -> bytes:
    """A photo that says where and by whom it was taken, in every place there is for it."""
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = CANARY.decode()
    exif[0x0112] = 6  # lies on its side
    exif.get_ifd(0x8825).update({1: "N", 2: (41.0, 23.0, 6.0), 29: CANARY.decode()})
    raw = picture("JPEG", (60, 30), exif=exif, comment=CANARY)
    xmp = b"http://ns.adobe.com/xap/1.0/\x00<x>" + CANARY + b"</x>"
    segment = b"\xff\xe1" + (len(xmp) + 2).to_bytes(2, "big") + xmp
    return raw[:2] + segment + raw[2:] + CANARY


def telling_png() -> bytes:
    """A PNG with text chunks."""
    said = PngImagePlugin.PngInfo()
    said.add_text("Author", CANARY.decode())
    said.add_itxt("XML:com.adobe.xmp", CANARY.decode())
    return picture("PNG", pnginfo=said)


def document(kind: str = "text", extra: dict[str, bytes] | None = None) -> bytes:
    """An OpenDocument file, as small as one can be."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        mimetype = zipfile.ZipInfo("mimetype")
        archive.writestr(mimetype, f"application/vnd.oasis.opendocument.{kind}")
        for name, content in {"content.xml": b"<x/>", **(extra or {})}.items():
            archive.writestr(name, content)
    return out.getvalue()


def office(part: str = "word/document.xml", extra: dict[str, bytes] | None = None) -> bytes:
    """An Office document, as small as one can be."""
    out = io.BytesIO()
    parts = {"[Content_Types].xml": b"<x/>", "_rels/.rels": b"<x/>", part: b"<x/>"}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**parts, **(extra or {})}.items():
            archive.writestr(name, content)
    return out.getvalue()


async def upload(
    person: Person, target: dict[str, str], name: str, content: bytes, **more: Any
) -> httpx.Response:
    """Send a file and return the answer, whatever it is."""
    kind = more.pop("kind", "application/octet-stream")
    headers = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
    return await person.ask(
        "POST", "/files", params=target, files={"file": (name, content, kind)},
        headers=headers, data=more or None,
    )  # fmt: skip
