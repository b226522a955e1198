"""What `doctor` looks at, and how to mend what it finds."""

import os
import shutil
import stat
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.cli.finding import Finding
from app.cli.ledger_checks import look_at_log
from app.cli.services import Services
from app.domain.administration.invariants import count_violations
from app.domain.files.queries import missing_bytes, orphans_of
from app.infra import clock
from app.infra.database import make_engine, make_sessions
from app.infra.mail import Mailer, MailLaterError
from app.infra.migrate import current_revision, head_revision
from app.infra.storage import make_storage
from app.settings import Settings
from app.workers.activity import ATTEMPTS_MAX

OLDEST_POSTGRES = 150_000
SKEW_SECONDS_MAX = 30
FREE_SHARE_MIN = 0.15
GUARDED = ("entries", "postings", "claim_history", "need_history")


def look_at_machine(settings: Settings) -> list[Finding]:
    """Look at what needs no server: the address and the folder."""
    return [_base_url(settings), _data_folder(settings.data_dir), _disk(settings.data_dir)]


async def look_at_services(services: Services) -> list[Finding]:
    """Look at database, doorbell and invariants."""
    engine = make_engine(
        services.settings.database_url or "", pool_size=1, statement_timeout_ms=300_000
    )
    looks: list[Callable[[], Awaitable[list[Finding]]]] = [
        lambda: _version(engine),
        lambda: _schema(services.owner_url),
        lambda: _durability(engine),
        lambda: _rights(engine),
        lambda: _clock(engine),
        lambda: _doorbell(services.settings.redis_url or ""),
        lambda: _invariants(engine),
        lambda: _log(engine, services.settings),
        lambda: _waiting_for_long(engine),
        lambda: look_at_mail(services.settings),
        lambda: _files(engine, services.settings),
    ]
    findings: list[Finding] = []
    try:
        for look in looks:
            findings += await _without_falling(look)
    finally:
        await engine.dispose()
    return findings


async def look_at_mail(settings: Settings) -> list[Finding]:
    """Look whether letters can leave: the server is reached and lets us in; nothing is sent."""
    if not settings.smtp_url:
        folder = settings.data_dir / "mail"
        return [Finding("mail", True, f"no server is named: letters are files in {folder}")]
    tools = settings.tools()
    host = urlsplit(settings.origin).hostname or "localhost"
    mailer = Mailer(settings.smtp_url, tools["mail_from"], "", host, settings.data_dir / "mail")
    mend = "Correct TORNALLOM_SMTP_URL, or ask who runs that server."
    try:
        async with mailer.open() as post:
            await post.connect()
    except MailLaterError as error:
        return [Finding("mail", False, str(error), mend)]
    return [Finding("mail", True, "the server lets us in")]


async def _waiting_for_long(engine: AsyncEngine) -> list[Finding]:
    """Look for what was put aside: letters that nobody took, activities that always fail."""
    letters = await _ask(
        engine,
        "SELECT count(*) FROM letters WHERE failed_at > now() - interval '30 days' "
        "AND last_error <> 'nothing to tell any more'",
    )
    waiting = await _ask(
        engine,
        "SELECT count(*) FROM letters WHERE sent_at IS NULL AND failed_at IS NULL "
        "AND last_error IS NOT NULL",
    )
    aside = await _ask(
        engine,
        f"SELECT count(*) FROM activities WHERE pending AND attempts >= {ATTEMPTS_MAX}",  # noqa: S608
    )
    return [
        Finding(
            "letters", letters == 0,
            f"{letters} were given up within a month, {waiting} wait for another try",
            "Read last_error in the table letters: the server or the address refused them.",
        ),
        Finding(
            "reactions", aside == 0, f"{aside} activities were put aside",
            "Read last_error in the table activities, mend it, and set their attempts to 0.",
        ),
    ]  # fmt: skip


async def _without_falling(look: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    try:
        return await look()
    except Exception as error:  # noqa: BLE001 - a doctor tells what hurts and goes on
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        return [Finding("reach", False, told, "Start the server, or correct its address.")]


def _base_url(settings: Settings) -> Finding:
    host = urlsplit(settings.origin).hostname or ""
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if settings.secure:
        return Finding("base URL", True, settings.origin)
    if local:
        return Finding("base URL", True, f"{settings.origin}, for this machine only")
    mend = "Set TORNALLOM_BASE_URL to the https address that people use."
    return Finding("base URL", False, f"{settings.origin} is not https", mend)


def _data_folder(folder: Path) -> Finding:
    mode = stat.S_IMODE(folder.stat().st_mode) if folder.exists() else 0o700
    if mode & 0o077:
        what = f"{folder} is open to other accounts ({mode:o})"
        return Finding("data folder", False, what, f"chmod 700 {folder}")
    if folder.exists() and not os.access(folder, os.W_OK):
        what = f"{folder} cannot be written"
        return Finding("data folder", False, what, f"Give {folder} to the account that serves.")
    return Finding("data folder", True, str(folder))


def _disk(folder: Path) -> Finding:
    usage = shutil.disk_usage(folder if folder.exists() else ".")
    what = f"{usage.free / 1e9:.1f} GB free of {usage.total / 1e9:.1f}"
    roomy = usage.free / usage.total >= FREE_SHARE_MIN
    return Finding("disk", roomy, what, "" if roomy else "Make room, or move the data folder.")


async def _version(engine: AsyncEngine) -> list[Finding]:
    number = int(await _ask(engine, "SHOW server_version_num"))
    what = await _ask(engine, "SHOW server_version")
    return [Finding("PostgreSQL", number >= OLDEST_POSTGRES, what, "Use PostgreSQL 15 or newer.")]


async def _schema(owner_url: str) -> list[Finding]:
    current, head = await current_revision(owner_url), head_revision()
    what = f"at {current}, newest {head}"
    return [Finding("schema", current == head, what, "Run `python3 -m app migrate`.")]


async def _durability(engine: AsyncEngine) -> list[Finding]:
    findings = []
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        value = await _ask(engine, f"SHOW {name}")
        mend = f"Set {name} = on in postgresql.conf: without it acknowledged work can be lost."
        findings.append(Finding(name, value != "off", value, mend))
    return findings


async def _rights(engine: AsyncEngine) -> list[Finding]:
    if await _ask(engine, "SELECT to_regclass('entries')") is None:
        return []
    allowed = [
        f"{right} on {table}"
        for table in GUARDED
        for right in ("UPDATE", "DELETE", "TRUNCATE")
        if await _ask(engine, f"SELECT has_table_privilege('{table}', '{right}')")
    ]
    what = ", ".join(allowed) or "cannot change what was written"
    mend = (
        "Serve with a role that owns nothing: TORNALLOM_DATABASE_URL names that role, "
        "TORNALLOM_DATABASE_OWNER_URL the owner, for migrations."
    )
    return [Finding("ledger rights", not allowed, what, mend)]


async def _clock(engine: AsyncEngine) -> list[Finding]:
    theirs = await _ask(engine, "SELECT clock_timestamp()")
    skew = abs((theirs - clock.now()).total_seconds())
    mend = "Let both machines take their time from the network (chrony, systemd-timesyncd)."
    return [Finding("clock", skew < SKEW_SECONDS_MAX, f"{skew:.1f} s from the database's", mend)]


async def _doorbell(url: str) -> list[Finding]:
    async with Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as redis:
        await redis.ping()
        policy = (await redis.config_get("maxmemory-policy")).get("maxmemory-policy", "")
    mend = "Set maxmemory-policy to noeviction, so that no ring is forgotten under pressure."
    return [Finding("doorbell", policy in {"", "noeviction"}, "answers", mend)]


async def _invariants(engine: AsyncEngine) -> list[Finding]:
    async with make_sessions(engine)() as session:
        counts = await count_violations(session)
    mend = "Stop serving and look into it: this must never happen. Nothing was changed."
    return [
        Finding(name, count == 0, "holds" if count == 0 else f"{count} break it", mend)
        for name, count in counts.items()
    ]


async def _log(engine: AsyncEngine, settings: Settings) -> list[Finding]:
    async with make_sessions(engine)() as session:
        return await look_at_log(session, settings.data_dir)


async def _ask(engine: AsyncEngine, statement: str) -> Any:
    async with engine.connect() as connection:
        return (await connection.execute(text(statement))).scalar_one()


async def _files(engine: AsyncEngine, settings: Settings) -> list[Finding]:
    """Compare the table of files with the storage, both ways."""
    storage = make_storage(
        settings.storage_url,
        settings.data_dir,
        access_key=settings.storage_access_key,
        secret_key=settings.storage_secret_key,
    )
    async with make_sessions(engine)() as session:
        orphans = await orphans_of(session, storage, clock.now())
        missing = await missing_bytes(session, storage)
    where = settings.storage_url.partition("?")[0] or str(settings.data_dir / "storage")
    if missing:
        what = f"{len(missing)} files have no bytes in {where}"
        return [Finding("files", False, what, "Bring the storage back from a copy.")]
    what = f"{where}; {len(orphans)} left over"
    mend = "Start a worker: it removes them within the hour." if orphans else ""
    return [Finding("files", not orphans, what, mend)]
