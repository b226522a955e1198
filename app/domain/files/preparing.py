"""From what was sent to what is kept: sniffed, made anew where it is shown, named plainly.

No database is touched here, so that no transaction waits for a slow network or a slow picture.
"""

import asyncio
import hashlib
from dataclasses import dataclass

from app.domain.files import errors
from app.domain.files.rules import clean_name, extension_of
from app.infra import media, pictures
from app.models.base import one_line
from app.models.files import ALT_MAX


@dataclass(frozen=True)
class Prepared:
    """A file that may be kept."""

    name: str
    media_type: str
    content: bytes
    digest: bytes
    alt: str = ""
    width: int | None = None
    height: int | None = None


async def prepare_file(name: str, raw: bytes, alt: str, size_max: int) -> Prepared:
    """Return what is kept of a file, or say why it is not taken."""
    if not raw:
        raise errors.file_missing()
    if len(raw) > size_max:
        raise errors.file_too_large(size_max)
    kind = await asyncio.to_thread(media.kind_of, raw, extension_of(name))
    if kind is None:
        raise errors.file_kind_refused()
    said = one_line(alt)[:ALT_MAX]
    if not kind.picture:
        called = clean_name(name, extension_of(name))
        return Prepared(called, kind.media_type, raw, hashlib.sha256(raw).digest(), said)
    made = await pictures.make_anew(raw)
    if len(made.content) > size_max:
        raise errors.file_too_large(size_max)
    return Prepared(
        clean_name(name, made.extension),
        made.media_type,
        made.content,
        hashlib.sha256(made.content).digest(),
        said,
        made.width,
        made.height,
    )
