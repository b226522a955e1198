"""Documents as PDF files, set in a process of their own (see pdf_child)."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from app.errors import UnavailableError

MEDIA_TYPE = "application/pdf"
SECONDS_MAX = 60
AT_ONCE = 2
_CHILD = Path(__file__).with_name("pdf_child.py")
_gates: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


@dataclass(frozen=True)
class Words:
    """A paragraph: a heading, a text, or a note that must not be missed."""

    text: str
    kind: Literal["heading", "text", "note"] = "text"


@dataclass(frozen=True)
class Facts:
    """Names with their values."""

    rows: Sequence[tuple[str, str]]
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True)
class Column:
    """A column of a table; widths are relative to one another."""

    text: str
    width: int = 2
    align: Literal["start", "end"] = "start"


@dataclass(frozen=True)
class Table:
    """Rows of cells under their heads, and sums below."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    sums: Sequence[Sequence[str]] = ()
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Document:
    """What a file says. `page` is the sentence with the places {page} and {pages}."""

    language: str
    title: str
    above: str
    foot: str
    page: str
    made_at: datetime
    blocks: Sequence[Words | Facts | Table] = field(default=())


async def make_pdf(document: Document) -> bytes:
    """Set a document; few at once, so that the rest of the service goes on meanwhile."""
    said = {**asdict(document), "made_at": document.made_at.isoformat()}
    async with _gate():
        return await _run(json.dumps(said).encode())


def _gate() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    for other in [known for known in _gates if known.is_closed()]:
        del _gates[other]
    return _gates.setdefault(loop, asyncio.Semaphore(AT_ONCE))


async def _run(said: bytes) -> bytes:
    try:
        # Isolated: neither the environment nor the working folder has a say in what it loads.
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-I", str(_CHILD),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )  # fmt: skip
    except OSError as error:
        raise UnavailableError("pdf_unavailable", detail=type(error).__name__) from error
    try:
        made, _ = await asyncio.wait_for(child.communicate(said), SECONDS_MAX)
    except TimeoutError as error:
        raise UnavailableError("pdf_unavailable", detail="too slow") from error
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode != 0 or not made:
        raise UnavailableError("pdf_unavailable", detail=f"ended with {child.returncode}")
    return made
