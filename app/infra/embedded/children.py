"""Child processes that end with us and never run as root."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.infra.embedded.errors import EmbeddedError

LOG_MAX_BYTES = 5_000_000
KEEP_ONE = "-all,+dac_override"


@dataclass(frozen=True)
class Account:
    """The system account a server runs as."""

    uid: int
    gid: int


def account_for(folder: Path) -> Account | None:
    """Return the account to step down to: none for an ordinary person.

    As root it is whoever owns the server's folder already, else `nobody`: PostgreSQL refuses to
    run as root and insists on owning its folder.
    """
    if os.geteuid() != 0:
        return None
    if folder.exists() and folder.stat().st_uid != 0:
        return Account(folder.stat().st_uid, folder.stat().st_gid)
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        message = (
            "PostgreSQL does not run as root and this machine has no account `nobody` to step "
            "down to. Start as an ordinary account, or give TORNALLOM_DATABASE_URL."
        )
        raise EmbeddedError(message) from None
    return Account(entry.pw_uid, entry.pw_gid)


def step_down(account: Account | None, *, death_signal: str = "") -> list[str]:
    """Return the words before a command that take its rights away.

    One capability stays, to reach a data folder below a folder that only root may enter (such as
    /root), so that no permission outside our folder is ever changed.
    """
    if account is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        message = (
            "Starting as root needs setpriv (Debian: apt install util-linux). "
            "Or start as an ordinary account."
        )
        raise EmbeddedError(message)
    words = [setpriv, f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
    words += [f"--{kind}={KEEP_ONE}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    words += ["--securebits=+no_setuid_fixup", "--no-new-privs"]
    return [*words, *([f"--pdeathsig={death_signal}"] if death_signal else []), "--"]


def spawn(
    command: Sequence[str], account: Account | None, *, log: Path, death_signal: str, folder: Path
) -> subprocess.Popen[bytes]:
    """Start a server that gets `death_signal` when this process ends, however it ends."""
    if threading.current_thread() is not threading.main_thread():
        # The kernel watches the thread that forked: a server must not end with a passing one.
        message = "embedded servers are started from the main thread"
        raise RuntimeError(message)
    words = [*step_down(account, death_signal=death_signal), *command]
    if account is None and sys.platform == "linux":
        words = [*_tied_to_us(death_signal), *command]
    with _open_log(log) as output:
        return subprocess.Popen(  # noqa: S603 - our own binaries, no shell
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(),
            # Ctrl-C at the keyboard is for us; we stop the servers when we are done with them.
            start_new_session=True,
        )


def run(command: Sequence[str], account: Account | None, *, text: str = "") -> None:
    """Run a program to its end under the server's account; raises with what it said."""
    done = subprocess.run(  # noqa: S603 - our own binaries, no shell
        [*step_down(account), *command],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
        cwd="/",
    )
    if done.returncode != 0:
        message = f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}"
        raise EmbeddedError(message)


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a child of ours has ended, even while its last threads are still going."""
    if process.poll() is None and _state(process.pid) == "Z":
        process.wait()
    return process.poll() is not None


def is_running(pid: int, mark: str) -> bool:
    """Whether a process lives, is no zombie, and was started for `mark` (a folder or file)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        state = (
            Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
        )
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        # No /proc (macOS): a living process has to be believed.
        return not Path("/proc/self").exists()
    return state != "Z" and os.fsencode(mark) in words


def stop(process: subprocess.Popen[bytes], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn until the process has ended."""
    for number, seconds in steps:
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()


def log_tail(log: Path) -> str:
    """Return the end of a server's log, for the sentence that says why it did not start."""
    try:
        lines = log.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-8:])


def _state(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[0]


def _tied_to_us(death_signal: str) -> list[str]:
    script = str(Path(__file__).with_name("die_with_parent.py"))
    number = int(signal.Signals[f"SIG{death_signal}"])
    return [sys.executable, "-I", "-S", script, str(os.getpid()), str(number)]


def _open_log(log: Path) -> BinaryIO:
    if log.exists() and log.stat().st_size > LOG_MAX_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return os.fdopen(
        os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab"
    )


def _environment() -> dict[str, str]:
    # Nothing of the operator's PG* or LD_* settings reaches our servers.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
