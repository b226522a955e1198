"""The commands: their answers, their exit codes, what they say when they cannot."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlmodel import col, select

from app import __version__
from app.cli import openapi
from app.cli.main import COMMANDS
from app.cli.main import run as run_here
from app.infra import clock
from app.infra.database import transaction
from app.infra.migrate import downgrade, head_revision
from app.models.activity import Activity
from tests.conftest import Services
from tests.contracts.tree import ROOT
from tests.factories.world import PASSWORD, World
from tests.pages.reading import Reader

Command = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


def environment(**changes: str) -> dict[str, str]:
    plain = {name: v for name, v in os.environ.items() if not name.startswith("TORNALLOM_")}
    return {**plain, "TORNALLOM_NO_BOOTSTRAP": "1", "COLUMNS": "100", **changes}


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        capture_output=True,
        text=True,
        env=environment(**changes),
        check=False,
        timeout=120,
    )


@pytest.fixture
def command(database: Services, tmp_path: Path) -> Command:
    """Return a function that runs a command on the test's database."""

    async def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            run,
            *arguments,
            TORNALLOM_DATABASE_URL=database.app_url,
            TORNALLOM_DATABASE_OWNER_URL=database.owner_url,
            TORNALLOM_REDIS_URL=database.redis_url,
            TORNALLOM_DATA_DIR=str(tmp_path / "data"),
        )

    return call


def test_every_command_explains_itself() -> None:
    listed = run("--help")
    assert listed.returncode == 0
    for name in COMMANDS:
        assert re.search(rf"│ {name} ", listed.stdout), name
    for name in COMMANDS:
        told = run(name, "--help")
        assert told.returncode == 0, name
        assert f"Usage: python3 -m app {name}" in told.stdout


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--nonsense"], ["account"]])
def test_a_wrong_call_ends_with_two(arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


def test_the_version() -> None:
    assert run("--version").stdout.strip() == __version__


def test_an_unknown_setting_stops_with_a_hint() -> None:
    done = run("config", "show", TORNALLOM_DATABSE_URL="postgresql://x")
    assert done.returncode == 1
    assert "Did you mean TORNALLOM_DATABASE_URL?" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_are_shown_with_origin_and_without_passwords(tmp_path: Path) -> None:
    secret = tmp_path / "redis"
    secret.write_text("redis://:canary-2@host/0\n", "utf-8")
    done = run(
        "config",
        "show",
        "--json",
        TORNALLOM_DATABASE_URL="postgresql://me:canary-1@host/db",
        TORNALLOM_REDIS_URL_FILE=str(secret),
    )
    shown = json.loads(done.stdout)
    assert "canary" not in done.stdout
    assert shown["database_url"] == {
        "value": "postgresql://me:••••@host/db",
        "origin": "environment TORNALLOM_DATABASE_URL",
    }
    assert shown["redis_url"]["value"] == "redis://:••••@host/0"
    assert shown["port"] == {"value": 8080, "origin": "default"}
    assert (
        "canary"
        not in run("config", "show", TORNALLOM_DATABASE_URL="postgresql://m:canary@h/d").stdout
    )


async def test_migrate_says_what_it_did(command: Command, database: Services) -> None:
    done = await command("migrate", "--check", "--json")
    assert json.loads(done.stdout) == {
        "from": head_revision(),
        "to": head_revision(),
        "changed": False,
    }
    await downgrade(database.owner_url, "-1")
    behind = await command("migrate", "--check")
    assert behind.returncode == 1
    assert "run `migrate`" in behind.stderr
    assert json.loads((await command("migrate", "--json")).stdout)["changed"] is True
    assert (await command("migrate", "--check")).returncode == 0


async def test_an_account_is_promoted_and_demoted(command: Command, world: World) -> None:
    person = await world.sign_up("tania")
    assert (await person.get("/me"))["account"]["steward"] is False
    assert json.loads((await command("account", "promote", "tania", "--json")).stdout) == {
        "handle": "tania",
        "steward": True,
    }
    assert (await person.get("/me"))["account"]["steward"] is True
    assert (await command("account", "demote", "tania")).returncode == 0
    assert (await person.get("/me"))["account"]["steward"] is False
    unknown = await command("account", "promote", "nobody-here")
    assert unknown.returncode == 1
    assert "There is no account nobody-here." in unknown.stderr


async def test_a_reset_link_opens_once_and_ends_what_was_open(
    command: Command, world: World
) -> None:
    person = await world.sign_up("tania")
    unknown = await command("account", "reset-link", "nobody-here")
    assert (unknown.returncode, "There is no account nobody-here." in unknown.stderr) == (1, True)
    older = json.loads((await command("account", "reset-link", "tania", "--json")).stdout)["link"]
    told = ("--base-url", "https://casa.example", "--json")
    made = json.loads((await command("account", "reset-link", "tania", *told)).stdout)
    assert made["link"].startswith("https://casa.example/password/")
    link = urlsplit(made["link"]).path
    reader = Reader(world)
    await reader.open(urlsplit(older).path, status=410)  # a newer one took its place
    assert "tania" in (await reader.open(link)).main.text
    weak = await reader.submit(link, {"password": "short"}, status=422)
    assert weak.main.all(id="problems")
    new = "a quite different sentence"
    done = await reader.submit(link, {"password": new})
    assert done.answer.headers["location"] == "/sign-in?notice=password_set"
    assert (await person.ask("GET", "/me")).status_code == 401
    await reader.submit(link, {"password": new}, status=410)
    old = {"handle": "tania", "password": PASSWORD}
    await person.post("/sessions", old, expect=401)
    await person.post("/sessions", {"handle": "tania", "password": new})
    await world.work()
    notices = {one["kind"] for one in (await person.get("/me/notifications"))["items"]}
    assert "account_password_link" in notices
    async with transaction(world.runtime.sessions) as session:
        verbs = await session.exec(
            select(Activity.verb).where(col(Activity.verb).startswith("account.password"))
        )
        assert sorted(verbs) == ["account.password_link_made"] * 2 + ["account.password_reset"]


async def test_a_reset_link_runs_out(command: Command, world: World) -> None:
    await world.sign_up("tania")
    made = json.loads((await command("account", "reset-link", "tania", "--json")).stdout)
    link = urlsplit(made["link"]).path
    with clock.moved(timedelta(hours=24, minutes=5)):
        await Reader(world).open(link, status=410)
        sent = {"password": "a quite different sentence"}
        await Reader(world).submit(link, sent, status=410)


async def test_a_sound_instance_is_told_so(command: Command) -> None:
    done = await command("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    unsound = {name for name, finding in findings.items() if not finding["ok"]}
    # What this machine's disk and the external owner's login are is not the instance's doing, and
    # the servers of tests are thrown away: they wait for no disk.
    assert unsound <= {"disk", "ledger rights", "fsync", "full_page_writes"}
    assert done.returncode == (1 if unsound else 0)
    assert {"schema", "fsync", "full_page_writes", "synchronous_commit", "doorbell"} <= set(
        findings
    )


def test_doctor_offers_to_mend_what_it_finds(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    done = run(
        "doctor",
        TORNALLOM_DATABASE_URL="postgresql://nobody:x@127.0.0.1:1/none",
        TORNALLOM_REDIS_URL="redis://127.0.0.1:1/0",
        TORNALLOM_DATA_DIR=str(folder),
        TORNALLOM_BASE_URL="http://example.org",
    )
    assert done.returncode == 1
    for mend in (f"chmod 700 {folder}", "Set TORNALLOM_BASE_URL", "correct its address"):
        assert mend in re.sub(r"\s+", " ", done.stdout), mend
    assert "Traceback" not in done.stderr


def test_the_description_of_the_api_is_current() -> None:
    assert run("openapi", "--check").returncode == 0


def test_a_description_that_is_not_current_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "openapi.json"
    target.write_text(
        (ROOT / "openapi" / "openapi.json").read_text("utf-8").replace("/needs", "/x")
    )
    monkeypatch.setattr(openapi, "TARGET", target)
    assert run_here(["openapi", "--check"]) == 1
    assert "is not current: run `python3 -m app openapi`" in capsys.readouterr().err
    assert run_here(["openapi"]) == 0
    assert run_here(["openapi", "--check"]) == 0


async def test_keys_are_listed_changed_and_revoked(command: Command) -> None:
    first, rsa = json.loads((await command("keys", "list", "--json")).stdout)
    assert (first["name"], first["state"], rsa["kind"]) == ("ed25519-key", "current", "rsa")
    following = json.loads((await command("keys", "rotate", "--json")).stdout)
    assert following["state"] == "next"
    twice = await command("keys", "rotate")
    assert twice.returncode == 1
    assert "waits already" in twice.stderr

    revoked = await command("keys", "revoke", "--since", "2026-01-02 03:04:05", "--json")
    assert json.loads(revoked.stdout)["revoked_at"].startswith("2026-01-02 03:04:05+00:00")
    listed = (await command("keys", "list")).stdout
    assert re.search(r"ed25519-key +ed25519 +revoked .* until 2026-01-02 03:04 ", listed)
    assert re.search(rf"{following['name']} +ed25519 +current", listed)
    for name, said in (("ed25519-key", "revoked before"), ("main-key", "no key of that name")):
        refused = await command("keys", "revoke", name)
        assert refused.returncode == 1
        assert said in refused.stderr
