"""Our newest checkpoint in a file beside the database: what a restored database is held against.

It costs nothing to look at, so it is looked at before anything is appended, whoever is reachable.
Where the file is restored together with the database it says nothing new, and witnesses do.
"""

import asyncio
import os
from pathlib import Path

import structlog

from app.domain.witnesses import queries
from app.domain.witnesses.actions import FILE
from app.federation.witnesses.our_log import check_held, newest_of_ours, read_held
from app.infra.database import transaction
from app.infra.notes import NOTE_BYTES_MAX
from app.infra.runtime import Runtime

NAME = "ledger.checkpoint"
_log = structlog.get_logger(__name__)


def path_of(runtime: Runtime) -> Path:
    """Return where the file is."""
    return runtime.data_dir / NAME


async def look_outside(runtime: Runtime) -> None:
    """Hold the file against our log; what our log does not contain stops the ledger."""
    text = await asyncio.to_thread(read_file, path_of(runtime))
    if text is None:
        return
    async with transaction(runtime.sessions) as session:
        held = await read_held(session, runtime, FILE, text)
        if held is None:
            _log.warning("not a checkpoint of ours", file=str(path_of(runtime)))
            return
        await check_held(session, runtime, held)


async def write_outside(runtime: Runtime) -> None:
    """Write our newest checkpoint into the file; never over one that our log does not contain."""
    await look_outside(runtime)
    async with transaction(runtime.sessions) as session:
        newest = await newest_of_ours(session)
        if newest is None or await queries.is_read_only(session):
            return
        text = newest.note.written()
    await asyncio.to_thread(_write, path_of(runtime), text)


def read_file(path: Path) -> bytes | None:
    """Read the file, no further than a note is long; None where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(NOTE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None


def _write(path: Path, text: str) -> None:
    """The file is whole or the old one: a crash between leaves nothing half."""
    if read_file(path) == text.encode():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
