"""Read the words of a PDF file back: what a reader's own program would copy from it.

Enough of ISO 32000 for files with embedded subset fonts: flate streams, and for each font the
table from its glyphs to Unicode. No table, no words: so Greek that cannot be copied is not read.
"""

import re
import zlib

OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj\n", re.DOTALL)
NAMED = re.compile(rb"/(F\d+) (\d+) 0 R")
UNICODE = re.compile(rb"/ToUnicode (\d+) 0 R")
PAIR = re.compile(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>")
SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|\(((?:\\.|[^\\()])*)\) Tj|\b(Td|TD|Tm|ET)\b", re.DOTALL)
ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def words_of(file: bytes) -> str:
    """Return what the file says, one line for each piece of text."""
    objects = {int(number): body for number, body in OBJECT.findall(file)}
    fonts = {
        name: _table(objects, int(number))
        for body in objects.values()
        for name, number in NAMED.findall(body)
    }
    streams = [_stream(body) for body in objects.values() if b"\nstream\n" in body]
    return "\n".join(_page(text, fonts) for text in streams if b") Tj" in text)


def embedded_fonts(file: bytes) -> set[str]:
    """Return the names of the fonts whose outlines the file carries."""
    found = re.findall(rb"/FontFile2 \d+ 0 R\n/FontName /\w+\+(\w+)", file)
    return {name.decode() for name in found}


def _stream(body: bytes) -> bytes:
    head, _, rest = body.partition(b"\nstream\n")
    raw = rest.removesuffix(b"\nendstream")
    return zlib.decompress(raw) if b"/FlateDecode" in head else raw


def _table(objects: dict[int, bytes], font: int) -> dict[int, str]:
    found = UNICODE.search(objects[font])
    assert found is not None, "a font whose words nobody can copy"
    return {
        int(glyph, 16): bytes.fromhex(code.decode()).decode("utf-16-be")
        for glyph, code in PAIR.findall(_stream(objects[int(found[1])]))
    }


def _page(text: bytes, fonts: dict[bytes, dict[int, str]]) -> str:
    lines = [""]
    now: dict[int, str] = {}
    for font, shown, moved in SHOWN.findall(text):
        if font:
            now = fonts[font]
        elif moved:
            lines.append("")
        else:
            lines[-1] += _decoded(shown, now)
    return "\n".join(line for line in lines if line)


def _decoded(shown: bytes, table: dict[int, str]) -> str:
    raw = re.sub(rb"\\(.)", lambda found: ESCAPED.get(found[1], found[1]), shown, flags=re.DOTALL)
    return "".join(table[int.from_bytes(raw[at : at + 2], "big")] for at in range(0, len(raw), 2))
