"""`import needs`: exit codes, faults by line, one answer for programs."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Services

ROWS = [
    {"external_id": "a", "organisation": "Forn Roig", "title": "Help us bake", "tags": ["php"]},
    {"external_id": "b", "organisation": "Forn Roig", "title": "Help us sell", "tags": ["bread"]},
]


@pytest.fixture
def command(database: Services, tmp_path: Path) -> Any:
    """Return a function that runs the command on the test's database."""

    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **{n: v for n, v in os.environ.items() if not n.startswith("TORNALLOM_")},
            "TORNALLOM_DATABASE_URL": database.app_url,
            "TORNALLOM_DATABASE_OWNER_URL": database.owner_url,
            "TORNALLOM_DATA_DIR": str(tmp_path / "data"),
        }
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "app", "import", "needs", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of two needs."""
    path = tmp_path / "needs.jsonl"
    _write(path)
    return path


def _write(path: Path) -> None:
    path.write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")


async def test_a_file_goes_in_whole_and_a_second_time_changes_nothing(
    command: Any, file: Path
) -> None:
    dry = json.loads((await command(str(file), "--dry-run", "--json")).stdout)
    assert (dry["create"], dry["dry_run"], dry["ok"]) == (2, True, True)
    done = await command(str(file), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["create"] == 2
    again = await command(str(file))
    assert again.returncode == 0
    assert "Imported 2 needs" in again.stdout
    assert "2 unchanged" in again.stdout


async def test_faults_are_listed_by_line_and_nothing_goes_in(command: Any, file: Path) -> None:
    with file.open("a", encoding="utf-8") as opened:
        opened.write('\n{"title": "x"}\nnot json\n')
    failed = await command(str(file), "--json")
    assert failed.returncode == 1
    result = json.loads(failed.stdout)
    assert (result["ok"], result["create"]) == (False, 0)
    assert {(fault["line"], fault["code"]) for fault in result["faults"]} == {
        (3, "too_short"), (3, "missing"), (4, "json_syntax"),
    }  # fmt: skip
    assert "line 4: This is not valid JSON." in failed.stderr
    _write(file)
    assert json.loads((await command(str(file), "--json")).stdout)["create"] == 2


async def test_all_needs_go_to_the_organisation_that_is_named(command: Any, file: Path) -> None:
    missing = await command(str(file), "--organisation", "nobody")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "There is no organisation nobody." in missing.stderr
    assert (await command(str(file))).returncode == 0
    into_one = await command(str(file), "--organisation", "forn-roig", "--json")
    assert into_one.returncode == 0
    assert json.loads(into_one.stdout)["unchanged"] == 2


@pytest.mark.parametrize("arguments", [[], ["no-such-file.csv"], ["x", "--colour"]])
async def test_a_wrong_call_ends_with_2(command: Any, arguments: list[str]) -> None:
    assert (await command(*arguments)).returncode == 2
