"""Pictures made anew, so that nothing but their pixels is kept (see pictures_child)."""

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from app.errors import InvalidError, TooLargeError, UnavailableError

EDGE_MAX = 2000
SECONDS_MAX = 20
AT_ONCE = 2
TOO_MUCH = 2
_CHILD = Path(__file__).with_name("pictures_child.py")
_gates: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}
EXTENSIONS = {"JPEG": (".jpg", "image/jpeg"), "PNG": (".png", "image/png")}
EXTENSIONS["WEBP"] = (".webp", "image/webp")


@dataclass(frozen=True)
class Picture:
    """A picture that is safe to show: its bytes, type, usual ending and size."""

    content: bytes
    media_type: str
    extension: str
    width: int
    height: int


async def make_anew(raw: bytes, *, edge_max: int = EDGE_MAX) -> Picture:
    """Decode and encode a picture again, in a process of its own with hard limits."""
    async with _gate():
        code, answer = await _run(raw, edge_max)
    if code == TOO_MUCH:
        raise TooLargeError("picture_too_large")
    head, _, content = answer.partition(b"\n")
    if code != 0 or not content:
        raise InvalidError("picture_unreadable")
    said = json.loads(head)
    extension, media_type = EXTENSIONS[said["format"]]
    return Picture(content, media_type, extension, said["width"], said["height"])


def _gate() -> asyncio.Semaphore:
    """Let few decode at once: the rest of the service goes on meanwhile."""
    loop = asyncio.get_running_loop()
    for other in [known for known in _gates if known.is_closed()]:
        del _gates[other]
    return _gates.setdefault(loop, asyncio.Semaphore(AT_ONCE))


async def _run(raw: bytes, edge_max: int) -> tuple[int, bytes]:
    try:
        # Isolated: neither the environment nor the working folder has a say in what it loads.
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-I", str(_CHILD), str(edge_max),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )  # fmt: skip
    except OSError as error:
        raise UnavailableError("storage_unavailable", detail=type(error).__name__) from error
    try:
        answer, _ = await asyncio.wait_for(child.communicate(raw), SECONDS_MAX)
    except TimeoutError:
        return TOO_MUCH, b""
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    killed = child.returncode is None or child.returncode < 0
    return (TOO_MUCH, b"") if killed else (child.returncode or 0, answer)
