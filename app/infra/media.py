"""What a file really is, by its own bytes: neither its name nor the sender is believed."""

import io
import zipfile
from dataclasses import dataclass

ZIP_ENTRIES_MAX = 5_000
ZIP_UNPACKED_MAX = 300_000_000
ZIP_RATIO_MAX = 200
_OPEN = "application/vnd.oasis.opendocument."
_OFFICE = "application/vnd.openxmlformats-officedocument."
_WORDS = "wordprocessingml.document"
_SHEET = "spreadsheetml.sheet"


@dataclass(frozen=True)
class Kind:
    """A kind of file that we take: its type, and the endings of names that mean it."""

    media_type: str
    extensions: tuple[str, ...]

    @property
    def picture(self) -> bool:
        """Whether it is shown, and so made anew."""
        return self.media_type.startswith("image/")


PICTURES = (
    (b"\xff\xd8\xff", Kind("image/jpeg", (".jpg", ".jpeg", ".jpe"))),
    (b"\x89PNG\r\n\x1a\n", Kind("image/png", (".png",))),
    (b"GIF87a", Kind("image/gif", (".gif",))),
    (b"GIF89a", Kind("image/gif", (".gif",))),
)
WEBP = Kind("image/webp", (".webp",))
PDF = Kind("application/pdf", (".pdf",))
TEXTS = (
    Kind("text/plain", (".txt",)),
    Kind("text/markdown", (".md", ".markdown")),
    Kind("text/csv", (".csv",)),
)
OPEN_DOCUMENTS = {
    f"{_OPEN}text": Kind(f"{_OPEN}text", (".odt",)),
    f"{_OPEN}spreadsheet": Kind(f"{_OPEN}spreadsheet", (".ods",)),
    f"{_OPEN}presentation": Kind(f"{_OPEN}presentation", (".odp",)),
}
OFFICE_DOCUMENTS = {
    "word/document.xml": Kind(f"{_OFFICE}{_WORDS}", (".docx",)),
    "xl/workbook.xml": Kind(f"{_OFFICE}{_SHEET}", (".xlsx",)),
}


def kind_of(raw: bytes, extension: str) -> Kind | None:
    """Return what a file is, None where it is nothing we take or not what its name says."""
    found = _sniff(raw, extension.lower())
    # A picture's ending is given anew with its bytes; all else must be what it says it is.
    if found is None or (not found.picture and extension.lower() not in found.extensions):
        return None
    return found


def _sniff(raw: bytes, extension: str) -> Kind | None:
    for magic, kind in PICTURES:
        if raw.startswith(magic):
            return kind
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return WEBP
    if raw.startswith(b"%PDF-"):
        return PDF
    if raw.startswith(b"PK"):
        return _document(raw)
    named = [kind for kind in TEXTS if extension in kind.extensions]
    return named[0] if named and _is_text(raw) else None


def _is_text(raw: bytes) -> bool:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return not any((sign < " " and sign not in "\n\r\t\f") or sign == "\x7f" for sign in text)


def _document(raw: bytes) -> Kind | None:
    """Look into a zip container without unpacking it: is it the document it claims to be."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            # Anything before the first entry would be read by other programs as another file.
            if not raw.startswith(b"PK\x03\x04") or not _is_harmless(entries):
                return None
            return _open_document(archive, entries) or _office_document(entries)
    # A compression that Python does not know is a kind of RuntimeError.
    except (zipfile.BadZipFile, RuntimeError, ValueError, OSError, EOFError):
        return None


def _is_harmless(entries: list[zipfile.ZipInfo]) -> bool:
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    names = [entry.filename for entry in entries]
    return (
        0 < len(entries) <= ZIP_ENTRIES_MAX
        and unpacked <= min(ZIP_UNPACKED_MAX, max(packed, 100_000) * ZIP_RATIO_MAX)
        and min(entry.header_offset for entry in entries) == 0
        and len(set(names)) == len(names)
        and not any(_is_suspect(entry) for entry in entries)
    )


def _is_suspect(entry: zipfile.ZipInfo) -> bool:
    name = entry.filename
    escapes = name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/")
    return bool(escapes or entry.flag_bits & 0x1 or "vbaproject" in name.lower() or "\x00" in name)


def _open_document(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> Kind | None:
    first = min(entries, key=lambda entry: entry.header_offset)
    plain = first.compress_type == zipfile.ZIP_STORED and first.file_size < 100
    names = {entry.filename for entry in entries}
    if first.filename != "mimetype" or not plain or "content.xml" not in names:
        return None
    return OPEN_DOCUMENTS.get(archive.read(first).decode("ascii", "replace"))


def _office_document(entries: list[zipfile.ZipInfo]) -> Kind | None:
    names = {entry.filename for entry in entries}
    if "[Content_Types].xml" not in names or "_rels/.rels" not in names:
        return None
    found = [kind for name, kind in OFFICE_DOCUMENTS.items() if name in names]
    return found[0] if len(found) == 1 else None
