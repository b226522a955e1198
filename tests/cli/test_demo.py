"""`demo`: the whole main job between two real instances, as a person would start it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path

from app.cli.demo_cooperative import SIGN, stretches
from app.cli.demo_tap import Captured, Listener
from app.cli.demo_world import world_file
from app.domain.needs.import_rows import parse_rows
from app.infra.i18n import LANGUAGES

SECONDS_MAX = 150
ROWS = [
    {
        "external_id": f"x:{number}",
        "organisation": f"Project {number}",
        "title": f"Need number {number} with a “quote” 🌱",
        "language": "en",
        "tags": ["python", "no such skill"],
        "open_tasks": number,
        "updated": "None",
    }
    for number in range(7)
]


@asynccontextmanager
async def _demo(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the demo in its own session, with its passing folder where the test sees it."""
    passing = folder / "tmp"
    passing.mkdir(exist_ok=True)
    environment = {n: v for n, v in os.environ.items() if not n.startswith("TORNALLOM_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app",
        "demo",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment, "TMPDIR": str(passing), "TORNALLOM_NO_BOOTSTRAP": "1"},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_every_step_holds_and_nothing_is_left_behind(tmp_path: Path) -> None:
    file = tmp_path / "needs.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    async with _demo(tmp_path, "--once", "--json", "--needs", str(file)) as process:
        out, told = await asyncio.wait_for(process.communicate(), SECONDS_MAX)
    assert process.returncode == 0, told.decode()
    report = json.loads(out.decode().splitlines()[-1])
    seconds = report.pop("seconds")
    assert 0 < seconds < SECONDS_MAX
    assert report == {
        "needs_imported": 7,
        "needs_on_peer": 7,
        "claim_state": "confirmed",
        "contribution_minutes": 150,
        "ledger_sum": 0,
        "periods_closed": 2,
        "peer_listing_verified": True,
        "tampered_refused": True,
        "neighbour_claim_state": "confirmed",
        "receipt_verified": True,
        "ok": True,
    }
    assert "A tampered copy" in told.decode()
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_a_file_with_a_fault_ends_with_1_and_says_which_line(tmp_path: Path) -> None:
    file = tmp_path / "needs.jsonl"
    file.write_text('{"title": "x"}\n', encoding="utf-8")
    async with _demo(tmp_path, "--once", "--json", "--needs", str(file)) as process:
        out, told = await asyncio.wait_for(process.communicate(), SECONDS_MAX)
    assert process.returncode == 1
    report = json.loads(out.decode().splitlines()[-1])
    assert report["ok"] is False
    assert "import" in report["failed_step"]
    assert "line 1" in told.decode()
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_interrupted_it_stops_what_it_started(tmp_path: Path) -> None:
    async with _demo(tmp_path, "--once", "--json") as process:
        assert process.stderr is not None
        async with asyncio.timeout(SECONDS_MAX):
            while b"is steward of" not in await process.stderr.readline():
                assert process.returncode is None
            process.send_signal(signal.SIGINT)
            _, told = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in told
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_two_periods_are_over_whenever_the_demo_is_shown() -> None:
    for number in range(800):
        today = date(2024, 1, 1) + timedelta(days=number)
        first, second = stretches(today)
        assert first.starts_on.day == second.starts_on.day == 1
        assert second.starts_on - first.ends_on == timedelta(days=1)
        assert all(85 <= (one.ends_on - one.starts_on).days <= 92 for one in (first, second))
        assert first.ends_on + SIGN < second.ends_on
        assert second.ends_on + SIGN < today


def test_the_invented_world_is_whole_and_speaks_five_languages() -> None:
    parsed = parse_rows(world_file())
    assert parsed.faults == []
    assert len(parsed.rows) == 25
    assert {row.need.language for row in parsed.rows} == set(LANGUAGES)
    assert len({row.organisation.name for row in parsed.rows if row.organisation}) == 10
    assert not any(row.need.skills_unknown for row in parsed.rows)


def test_the_tap_hears_signed_messages_however_the_bytes_are_cut() -> None:
    signed = b"POST /inbox HTTP/1.1\r\nHost: a\r\nSignature: sig\r\nContent-Length: 5\r\n\r\nhello"
    plain = b"GET /actor HTTP/1.1\r\nHost: a\r\n\r\n"
    stream = plain + signed + plain + signed
    for size in (1, 7, len(stream)):
        heard: list[Captured] = []
        listener = Listener(heard)
        for start in range(0, len(stream), size):
            listener.hear(stream[start : start + size])
        assert [(m.target, m.body, m.header("host")) for m in heard] == [
            ("/inbox", b"hello", "a")
        ] * 2
