"""`test`: everything the tests need, and then all of them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import say
from app.infra.embedded import start_postgres, start_valkey

PROJECT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = """\
************************************************************************************
The browser tests CANNOT RUN: there is no Chromium or Chrome on PATH.
Debian and Ubuntu: apt install chromium   Fedora: dnf install chromium
************************************************************************************"""
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - we make a private folder in it
MEMORY_FREE_MIN_BYTES = 2_000_000_000
DATABASE = "tornallom_test"


def register(root: typer.Typer) -> None:
    """Add the command; what it does not know goes on to pytest."""
    root.command("test", context_settings={"ignore_unknown_options": True})(run_tests)


def run_tests(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Passed on to pytest, as in: test -- -k claims -x")
    ] = None,
    *,
    workspace: Annotated[
        bool, typer.Option(help="Build the workspace first, for the browser tests.")
    ] = True,
) -> None:
    """Run the tests on a PostgreSQL and a Valkey of their own, all cores busy.

    TORNALLOM_TEST_DATABASE_URL (an owner's login, PostgreSQL 15 or newer) and
    TORNALLOM_TEST_REDIS_URL name servers to use instead.
    """
    from app.cli.workspace import build_when_stale

    # Started in the background we would ignore Ctrl-C, and so would all that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ensure_browser()
    if workspace:
        build_when_stale()
    with services_for_tests() as addresses:
        code = _run_pytest(arguments or [], {**os.environ, **addresses})
    raise typer.Exit(code)


def ensure_browser() -> None:
    """Find a browser; as root on Debian install one; otherwise say loudly what is missing."""
    if any(map(shutil.which, BROWSERS)):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("Installing Chromium for the browser tests …")
        for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(  # noqa: S603
                ["apt-get", "-qq", *command],  # noqa: S607 - the machine's own
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdout=sys.stderr,
                check=False,
            )
    if not any(map(shutil.which, BROWSERS)):
        say(NO_BROWSER)


@contextmanager
def services_for_tests() -> Iterator[dict[str, str]]:
    """Start what no address is given for, in a folder that goes with the run."""
    addresses: dict[str, str] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(_scratch_folder()))
        if not os.environ.get("TORNALLOM_TEST_DATABASE_URL"):
            postgres = stack.enter_context(start_postgres(folder, throwaway=True))
            postgres.ensure_database(DATABASE)
            addresses["TORNALLOM_TEST_DATABASE_URL"] = postgres.url(DATABASE, "owner")
            addresses["TORNALLOM_TEST_APP_URL"] = postgres.url(DATABASE)
        if not os.environ.get("TORNALLOM_TEST_REDIS_URL"):
            valkey = stack.enter_context(start_valkey(folder))
            addresses["TORNALLOM_TEST_REDIS_URL"] = valkey.url()
        yield addresses


def _scratch_folder() -> tempfile.TemporaryDirectory[str]:
    # In memory the disk's syncs cost nothing, so fsync stays on as it does in earnest.
    parent = None
    with contextlib.suppress(OSError):
        roomy = shutil.disk_usage(MEMORY_FOLDER).free > MEMORY_FREE_MIN_BYTES
        if roomy and os.access(MEMORY_FOLDER, os.W_OK | os.X_OK):
            parent = MEMORY_FOLDER
    return tempfile.TemporaryDirectory(prefix="tornallom-test-", dir=parent)


def _run_pytest(arguments: list[str], environment: dict[str, str]) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    # A file's tests stay together: what they share is made once, and a browser's event loop has
    # ended before other tests begin theirs. tests/conftest.py says which come first.
    command = [sys.executable, "-m", "pytest", "-n", str(cores), "--dist", "loadfile"]
    command += ["--no-loadscope-reorder", *arguments]
    with subprocess.Popen(command, cwd=PROJECT, env=environment) as process:  # noqa: S603
        try:
            return process.wait()
        except KeyboardInterrupt:
            # pytest heard it too, and closes with what it has so far.
            with contextlib.suppress(KeyboardInterrupt):
                process.wait(timeout=30)
            return 130
