"""Where things stand in the data folder, and who may read them."""

import fcntl
import json
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.infra.embedded.errors import EmbeddedError

# sockaddr_un holds 108 bytes on Linux and 104 on macOS and the BSDs, the closing NUL included.
SOCKET_PATH_MAX_BYTES = 103
# Other characters would need escapes that the Redis clients undo differently.
PLAIN_PATH = re.compile(r"[^\x00-\x1f%?#;\"\\,]*")


@dataclass(frozen=True)
class Layout:
    """The data folder's parts that belong to the embedded servers."""

    root: Path

    @property
    def postgres(self) -> Path:
        """PostgreSQL's own folder (PGDATA)."""
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's append-only files and configuration."""
        return self.root / "valkey"

    @property
    def run(self) -> Path:
        """Sockets and locks; nothing in it is worth keeping."""
        return self.root / "run"

    @property
    def secrets(self) -> Path:
        """Passwords made here."""
        return self.root / "secrets"

    def log(self, name: str) -> Path:
        """Return a server's log file."""
        return self.root / "logs" / f"{name}.log"


def prepare(data_dir: Path) -> Layout:
    """Make the data folder where it is missing; existing folders keep their permissions."""
    layout = Layout(data_dir.resolve())
    try:
        for folder in (layout.root, layout.run, layout.secrets, layout.log("x").parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"The data folder {layout.root} cannot be made: {error.strerror}."
        raise EmbeddedError(message) from None
    if not os.access(layout.run, os.W_OK | os.X_OK):
        message = (
            f"The data folder {layout.root} belongs to somebody else. Start as its owner, "
            "or name another folder with --data-dir."
        )
        raise EmbeddedError(message)
    return layout


@contextmanager
def start_lock(layout: Layout, name: str) -> Iterator[None]:
    """Let one process at a time start a server of this folder; the second then adopts it."""
    descriptor = os.open(layout.run / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def has_passwords(layout: Layout, name: str) -> bool:
    """Whether a server's passwords were made already."""
    return (layout.secrets / f"{name}.json").exists()


def passwords(layout: Layout, name: str, roles: tuple[str, ...]) -> dict[str, str]:
    """Read a server's passwords, or make them on the first start; call under its start lock."""
    path = layout.secrets / f"{name}.json"
    if not path.exists():
        write_private(path, json.dumps({role: secrets.token_hex(24) for role in roles}))
    return {str(role): str(word) for role, word in json.loads(path.read_text("ascii")).items()}


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all, and on the disk."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put a rename on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def socket_fits(path: Path) -> bool:
    """Whether a unix socket can have this path, for the kernel and for the clients."""
    name = str(path)
    return len(os.fsencode(name)) <= SOCKET_PATH_MAX_BYTES and bool(PLAIN_PATH.fullmatch(name))


def free_port() -> int:
    """Return a loopback port that nothing listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
