"""What the contract tests look at: the files that git tracks."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@cache
def tracked() -> tuple[str, ...]:
    """Return the tracked paths that still exist, or every file where there is no repository."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return tuple(str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file())
    return tuple(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def python_files(*tops: str) -> list[str]:
    """Return the tracked Python files below the named folders."""
    prefixes = tuple(f"{top}/" for top in tops)
    return [name for name in tracked() if name.endswith(".py") and name.startswith(prefixes)]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
