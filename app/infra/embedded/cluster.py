"""Make a PostgreSQL cluster, check its version, clear what a killed server left."""

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from app.infra.embedded import children
from app.infra.embedded.binaries import postgres_binary
from app.infra.embedded.children import Account
from app.infra.embedded.errors import EmbeddedError
from app.infra.embedded.layout import Layout, sync_folder

OWNER = "tornallom_owner"
APP = "tornallom_app"
# The line of postmaster.pid that each fact stands on, counted from 0.
PID_LINE, PORT_LINE, SOCKET_LINE, ADDRESS_LINE, SHARED_MEMORY_LINE, STATUS_LINE = 0, 3, 4, 5, 6, 7
ORPHANS_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Postmaster:
    """What a running server says of itself in postmaster.pid."""

    pid: int
    host: str
    port: int
    ready: bool


def ensure_cluster(layout: Layout, account: Account | None, words: dict[str, str]) -> None:
    """Make the cluster unless it is there; made aside and renamed, so it is whole or absent."""
    if layout.postgres.exists():
        _check_version(layout.postgres)
        return
    for left in layout.root.glob("postgres.new-*"):  # from a start that was interrupted
        shutil.rmtree(left)
    draft = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=layout.root))
    try:
        if account is not None:
            os.chown(draft, account.uid, account.gid)
        _initdb(draft, layout.secrets, account, words)
        draft.rename(layout.postgres)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_folder(layout.root)


def _initdb(draft: Path, secrets: Path, account: Account | None, words: dict[str, str]) -> None:
    pwfile = secrets / f"initdb.{os.getpid()}"
    pwfile.touch(mode=0o600)
    pwfile.write_text(words["owner"], encoding="ascii")
    try:
        command = [str(postgres_binary("initdb")), "-D", str(draft), "-U", OWNER]
        command += ["--pwfile", str(pwfile), "-A", "scram-sha-256", "-E", "UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        children.run([*command, "--data-checksums", "--no-instructions"], account)
    finally:
        pwfile.unlink()
    # The application's own role: it owns nothing, so what a migration takes from it stays taken.
    create_role = f"CREATE ROLE {APP} LOGIN NOSUPERUSER PASSWORD '{words['app']}'\n"
    _without_server(draft, account, create_role)


def set_passwords(layout: Layout, account: Account | None, words: dict[str, str]) -> None:
    """Give both roles new passwords while the server is down: their file was lost."""
    statements = [
        f"ALTER ROLE {role} PASSWORD '{words[name]}'\n"
        for name, role in (("owner", OWNER), ("app", APP))
    ]
    _without_server(layout.postgres, account, "".join(statements))


def _without_server(folder: Path, account: Account | None, statements: str) -> None:
    single = [str(postgres_binary("postgres")), "--single", "-D", str(folder), "postgres"]
    children.run(single, account, text=statements)


def _check_version(folder: Path) -> None:
    try:
        theirs = (folder / "PG_VERSION").read_text("ascii").strip()
    except OSError as error:
        message = f"{folder} is not a readable PostgreSQL folder: {error.strerror}."
        raise EmbeddedError(message) from None
    ours = _our_version()
    if theirs != ours:
        message = (
            f"{folder} was written by PostgreSQL {theirs}; this release brings PostgreSQL {ours}, "
            "which cannot read it. Nothing was changed. Dump the database with the release that "
            "wrote it (pg_dump), move the folder away, start again, and restore the dump."
        )
        raise EmbeddedError(message)


def _our_version() -> str:
    # The catalogue file opens with the major version, which spares a process at each start.
    catalogue = postgres_binary("postgres").parents[1] / "share" / "postgres.bki"
    with catalogue.open(encoding="ascii", errors="replace") as handle:
        return handle.readline().split()[-1]


def read_postmaster(layout: Layout) -> Postmaster | None:
    """Read postmaster.pid; None while there is none worth reading."""
    try:
        lines = (layout.postgres / "postmaster.pid").read_text("utf-8").splitlines()
        pid = int(lines[PID_LINE])
        host = lines[SOCKET_LINE].strip() or lines[ADDRESS_LINE].strip()
        ready = len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"
        return Postmaster(pid, host, int(lines[PORT_LINE]), ready)
    except (OSError, ValueError, IndexError):
        return None


def clear_remains(layout: Layout) -> None:
    """Clear the lock files of a server that was killed, once none of its processes lives."""
    pid_file = layout.postgres / "postmaster.pid"
    if not pid_file.exists():
        return
    _wait_for_orphans(pid_file)
    pid_file.unlink(missing_ok=True)
    for left in layout.run.glob(".s.PGSQL.*"):
        left.unlink(missing_ok=True)


def _wait_for_orphans(pid_file: Path) -> None:
    # A killed postmaster's backends end by themselves. Until the last one lets go of the shared
    # memory, a second server on the same files would destroy them.
    try:
        identity = pid_file.read_text("utf-8").splitlines()[SHARED_MEMORY_LINE].split()
    except (OSError, IndexError):
        return
    deadline = time.monotonic() + ORPHANS_WAIT_SECONDS
    while _attached(identity) > 0:
        if time.monotonic() > deadline:
            message = (
                f"Processes of a killed PostgreSQL still use {pid_file.parent}. "
                "End them (ps shows them as `postgres:`), then start again."
            )
            raise EmbeddedError(message)
        time.sleep(0.05)


def _attached(identity: list[str]) -> int:
    try:
        rows = Path("/proc/sysvipc/shm").read_text("ascii").splitlines()[1:]
    except OSError:
        return 0
    for row in rows:
        key, segment, _mode, _size, _creator, _last, attached = row.split()[:7]
        if [key, segment] == identity[:2]:
            return int(attached)
    return 0
