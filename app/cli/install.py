"""`install`: make the packages ready without starting anything."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import CommandError

LAUNCHER = Path(__file__).resolve().parents[1] / "__main__.py"


def register(root: typer.Typer) -> None:
    """Add the command; the launcher has done its work before this is reached."""
    root.command("install")(install)


def install(
    groups: Annotated[list[str] | None, typer.Argument(help="Further groups: test, node.")] = None,
) -> None:
    """Install the packages of the lock files into .venv and start nothing."""
    typer.echo(f"Installed: {', '.join(['base', *(groups or [])])}.")


def install_group(name: str) -> None:
    """Install one group of packages while another command runs."""
    done = subprocess.run([sys.executable, str(LAUNCHER), "install", name], check=False)  # noqa: S603
    if done.returncode != 0:
        message = f"The packages of the group `{name}` could not be installed."
        raise CommandError(message)
