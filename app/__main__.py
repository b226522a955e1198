"""Where `python3 -m app …` begins: makes .venv when needed, then runs the command line in it.

Standard library only, and syntax that Python 3.8 reads, so that an older interpreter meets a
sentence and not a SyntaxError. What is installed stands in the lock files, with hashes; a stamp
beside it, written last, says that it is whole, so a second start costs two small reads and an
interrupted one is simply continued.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
OLDEST_PYTHON = (3, 11)
LOCK_FILES = {
    "base": "requirements.lock",
    "test": "requirements-test.lock",
    "node": "requirements-node.lock",
}
GROUPS_OF_COMMANDS = {"test": ("test",)}
# Set to our own process id before the second interpreter replaces us: no endless exec.
GUARD = "_TORNALLOM_EXEC"


class BootstrapError(Exception):
    """The packages cannot be made ready; the text says why and what to do."""


def main(arguments: list[str]) -> int:
    """Make the packages ready, move into .venv's interpreter, run the command line."""
    sys.path[0] = str(PROJECT)
    if sys.version_info < OLDEST_PYTHON:
        say(too_old())
        return 1
    try:
        if os.environ.get("TORNALLOM_NO_BOOTSTRAP") != "1":
            make_ready(groups_for(arguments))
            move_into_venv(arguments)
        if arguments[:1] == ["install"] and "--help" not in arguments:
            say("Everything is installed.")
            return 0
    except BootstrapError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Stopped. The next start continues where this one was.")
        return 130
    from app.cli.main import run  # noqa: PLC0415 - its packages are there only now

    return run(arguments)


def too_old() -> str:
    """Say which Python is needed, and name a newer one when this machine has it."""
    needed = ".".join(map(str, OLDEST_PYTHON))
    running = ".".join(map(str, sys.version_info[:3]))
    text = f"Tornallom needs Python {needed} or newer; this is Python {running}."
    for minor in range(20, OLDEST_PYTHON[1] - 1, -1):
        name = f"python3.{minor}"
        if shutil.which(name) and quietly([name, "-c", ""]):
            return f"{text} This machine has a newer one: {name} -m app …"
    return text


def groups_for(arguments: list[str]) -> list[str]:
    """Tell which lock files a command needs; `install` names them itself."""
    command = arguments[0] if arguments else ""
    if command != "install":
        return ["base", *GROUPS_OF_COMMANDS.get(command, ())]
    named = [word for word in arguments[1:] if not word.startswith("-")]
    unknown = [name for name in named if name not in LOCK_FILES]
    if unknown:
        raise BootstrapError(f"There is no group {unknown[0]}; known: {', '.join(LOCK_FILES)}.")
    return ["base", *named]


def make_ready(groups: list[str]) -> None:
    """Install what is missing, one process at a time."""
    if all(is_ready(group) for group in groups):
        return
    with one_at_a_time():
        for group in groups:
            if not is_ready(group):
                install(group)


def is_ready(group: str) -> bool:
    """Whether a group's stamp says that exactly this lock file is installed."""
    if not os.access(str(VENV_PYTHON), os.X_OK):
        return False
    try:
        stamped = stamp_of(group).read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return False
    # Only .venv's own interpreter can tell whether it is still the version it was made with.
    return stamped[:1] == [digest_of(group)] and (
        not in_venv() or stamped[1:] == [python_version()]
    )


def stamp_of(group: str) -> Path:
    """Return the file that says a group is wholly installed."""
    return VENV / f"tornallom-{group}.stamp"


def digest_of(group: str) -> str:
    """Return the lock file's SHA-256."""
    try:
        return hashlib.sha256((PROJECT / LOCK_FILES[group]).read_bytes()).hexdigest()
    except OSError as error:
        raise BootstrapError(f"{LOCK_FILES[group]} cannot be read: {error.strerror}.") from None


def python_version() -> str:
    """Return what decides whether installed packages fit: the interpreter's minor version."""
    return f"{sys.implementation.name}-{sys.version_info[0]}.{sys.version_info[1]}"


def in_venv() -> bool:
    """Whether this interpreter is the project's own."""
    return os.path.realpath(sys.prefix) == os.path.realpath(str(VENV))


def move_into_venv(arguments: list[str]) -> None:
    """Replace this process by .venv's interpreter, running the same command line."""
    if in_venv():
        return
    if os.environ.get(GUARD) == str(os.getpid()):
        raise BootstrapError(f"{VENV} does not behave as a virtual environment; remove it.")
    environment = {**os.environ, GUARD: str(os.getpid())}
    command = [str(VENV_PYTHON), str(PROJECT / "app" / "__main__.py"), *arguments]
    os.execve(command[0], command, environment)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the project's install lock; the kernel frees it however we end."""
    import fcntl  # noqa: PLC0415 - absent on Windows, which gets the sentence below first

    path = PROJECT / ".venv.lock"
    try:
        handle = path.open("w")
    except OSError as error:
        raise BootstrapError(
            f"{PROJECT} cannot be written ({error.strerror}), so no .venv can be made there. "
            "Run as its owner, or install the packages yourself and set TORNALLOM_NO_BOOTSTRAP=1."
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another start is installing the packages; waiting for it …")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install(group: str) -> None:
    """Install one lock file and stamp it; the stamp comes last, so half a job never counts."""
    stamp_of(group).unlink(missing_ok=True)
    if group == "base":
        ensure_venv()
    lock = PROJECT / LOCK_FILES[group]
    count = sum("==" in line for line in lock.read_text(encoding="utf-8").splitlines())
    say(f"Installing {count} packages from {lock.name} into .venv (once; about a minute) …")
    if not install_with_uv(lock, count) and not install_with_pip(lock, count):
        raise BootstrapError(
            f"The packages of {lock.name} could not be installed; the lines above say why. "
            "A package index must be reachable for the first start."
        )
    write_stamp(group)


def write_stamp(group: str) -> None:
    """Write digest and Python version, whole or not at all."""
    target = stamp_of(group)
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    # The interpreter in .venv may be another one than this: it answers for itself.
    tell = "import sys; v = sys.version_info; print('%s-%d.%d' % (sys.implementation.name, *v[:2]))"
    version = subprocess.run(
        [str(VENV_PYTHON), "-c", tell], stdout=subprocess.PIPE, check=True
    ).stdout.decode("ascii")
    draft.write_text(f"{digest_of(group)} {version}", encoding="ascii")
    draft.replace(target)


def ensure_venv() -> None:
    """Make .venv when it is missing, half made, or of another Python."""
    mark = stamp_of("python")
    if (
        os.access(str(VENV_PYTHON), os.X_OK)
        and mark.exists()
        and not (in_venv() and mark.read_text(encoding="ascii") != python_version())
    ):
        return
    base = getattr(sys, "_base_executable", None) or sys.executable
    if not (make_venv_with_uv(base) or make_venv_with_stdlib(base)):
        raise BootstrapError(
            "A virtual environment cannot be made: this Python has no venv or ensurepip module. "
            f"On Debian and Ubuntu: apt install python3.{sys.version_info[1]}-venv "
            "(or python3-venv); then start again."
        )
    for group in LOCK_FILES:
        stamp_of(group).unlink(missing_ok=True)
    mark.write_text(python_version(), encoding="ascii")


def make_venv_with_uv(base: str) -> bool:
    """Make .venv with uv when it is on PATH."""
    uv = shutil.which("uv")
    if not uv:
        return False
    return quietly([uv, "venv", "--quiet", "--clear", "--python", base, str(VENV)])


def make_venv_with_stdlib(base: str) -> bool:
    """Make .venv with the standard library; without ensurepip, the machine's own pip serves."""
    command = [base, "-m", "venv", "--clear", str(VENV)]
    if quietly(command):
        return True
    return can_pip_reach_in(base) and quietly([*command, "--without-pip"])


def install_with_uv(lock: Path, count: int) -> bool:
    """Install with uv when it is on PATH; a failure falls back to pip and its own settings."""
    uv = shutil.which("uv")
    if not uv:
        return False
    command = [uv, "pip", "install", "--quiet", "--python", str(VENV_PYTHON), "--require-hashes"]
    command += ["--only-binary", ":all:", "--compile-bytecode", "-r", str(lock)]
    return run_with_progress(command, count)


def install_with_pip(lock: Path, count: int) -> bool:
    """Install with .venv's pip, or from outside with the machine's where .venv has none."""
    pip = [str(VENV_PYTHON), "-m", "pip"]
    if not quietly([*pip, "--version"]) and not quietly([str(VENV_PYTHON), "-m", "ensurepip"]):
        base = getattr(sys, "_base_executable", None) or sys.executable
        pip = [base, "-m", "pip", "--python", str(VENV_PYTHON)]
    # Wheels only: no package's own set-up code runs on this machine.
    command = [*pip, "install", "--no-input", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-warn-script-location", "--require-hashes", "--only-binary", ":all:"]
    return run_with_progress([*command, "--progress-bar", "off", "-r", str(lock)], count)


def can_pip_reach_in(base: str) -> bool:
    """Whether the machine's pip can install into another interpreter (pip 22.3 and newer)."""
    return quietly([base, "-m", "pip", "--python", base, "--version"])


def quietly(command: list[str]) -> bool:
    """Run a command, hiding what it says; whether it went well."""
    return (
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode
        == 0
    )


def run_with_progress(command: list[str], total: int) -> bool:
    """Run an installer, counting on a terminal; what it said is shown only when it failed."""
    environment = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore", "PYTHONUNBUFFERED": "1"}
    spoken = []
    collected = 0
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    ) as process:
        for raw in process.stdout or ():
            line = raw.decode("utf-8", "replace").rstrip()
            if line.startswith("Collecting "):
                collected += 1
                show_count(collected, total)
            elif not line.startswith("WARNING: Location"):
                spoken.append(line)
    show_count(0, total)
    if process.returncode != 0:
        say("\n".join(spoken[-15:]))
    return process.returncode == 0


def show_count(done: int, total: int) -> None:
    """Keep one line of progress on a terminal; 0 clears it."""
    if sys.stderr.isatty():
        text = f"  {done} of {total}" if done else ""
        print(f"\r{text:<40}\r", end="", file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Tell the person at the keyboard, apart from a command's answer."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
