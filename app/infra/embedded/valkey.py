"""Valkey (the Redis protocol) as a child of this process, or adopted from another one."""

import os
import signal
import socket
import time
from pathlib import Path

from app.infra.embedded import children
from app.infra.embedded.binaries import valkey_binary
from app.infra.embedded.errors import EmbeddedError
from app.infra.embedded.layout import (
    Layout,
    free_port,
    passwords,
    prepare,
    socket_fits,
    start_lock,
    write_private,
)
from app.infra.embedded.server import EmbeddedServer

START_SECONDS_MAX = 120.0


def start_valkey(data_dir: Path) -> "EmbeddedValkey":
    """Start the Valkey of a data folder, or adopt the one that runs there."""
    layout = prepare(data_dir)
    server = EmbeddedValkey(layout)
    server.revive()
    return server


class EmbeddedValkey(EmbeddedServer):
    """A running Valkey: its address and its end."""

    STOP_STEPS = ((signal.SIGTERM, 15.0),)

    def __init__(self, layout: Layout) -> None:
        """Use `start_valkey`."""
        self._layout = layout
        self._password = ""
        self._port = self._port_of_another()

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._layout.log("valkey")

    @property
    def _socket(self) -> Path:
        return self._layout.run / "valkey.sock"

    @property
    def _port_file(self) -> Path:
        return self._layout.run / "valkey.port"

    def url(self, db: int = 0) -> str:
        """Return an address that redis-py and arq take."""
        if socket_fits(self._socket):
            return f"unix://:{self._password}@{self._socket}?db={db}"
        return f"redis://:{self._password}@127.0.0.1:{self._port}/{db}"

    def revive(self) -> bool:
        """Start the server unless it runs, here or in another process; True when it was started."""
        if self._process is not None and not children.has_ended(self._process):
            return False
        with start_lock(self._layout, "valkey"):
            self._process = None
            self._password = passwords(self._layout, "valkey", ("default",))["default"]
            self._port = self._port_of_another() or self._port
            if self._answers():
                return False
            self._start()
            return True

    def _start(self) -> None:
        account = children.account_for(self._layout.valkey)
        if not self._layout.valkey.exists():
            self._layout.valkey.mkdir(mode=0o700)
            if account is not None:
                os.chown(self._layout.valkey, account.uid, account.gid)
        config = self._write_config()
        self._process = children.spawn(
            [str(valkey_binary()), str(config)],
            account,
            log=self.log,
            death_signal="TERM",
            folder=self._layout.root,
        )
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = children.log_tail(self.log)
                message = f"Valkey did not start; {self.log} ends with:\n{tail}"
                raise EmbeddedError(message)
            time.sleep(0.01)

    def _write_config(self) -> Path:
        lines = [f'dir "{self._layout.valkey}"', f"requirepass {self._password}"]
        if socket_fits(self._socket):
            lines += [f'unixsocket "{self._socket}"', "unixsocketperm 700", "port 0"]
        else:
            self._port = self._port or free_port()
            lines += ["bind 127.0.0.1", f"port {self._port}"]
            write_private(self._port_file, str(self._port))
        # arq's queue is only a doorbell, but losing rings costs seconds: keep it over restarts.
        lines += ["appendonly yes", "appendfsync everysec", 'save ""']
        lines += ["maxmemory-policy noeviction", "daemonize no", "loglevel warning"]
        path = self._layout.secrets / "valkey.conf"
        write_private(path, "\n".join(lines) + "\n")
        return path

    def _port_of_another(self) -> int:
        try:
            return int(self._port_file.read_text("ascii"))
        except (OSError, ValueError):
            return 0

    def _answers(self) -> bool:
        """Whether a server with our password answers and has loaded its files."""
        try:
            with self._connect() as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode("ascii"))
                heard = b""
                while heard.count(b"\r\n") < 2:
                    piece = connection.recv(256)
                    if not piece:
                        return False
                    heard += piece
        except OSError:
            return False
        return heard == b"+OK\r\n+PONG\r\n"

    def _connect(self) -> socket.socket:
        by_path = socket_fits(self._socket)
        connection = socket.socket(socket.AF_UNIX if by_path else socket.AF_INET)
        try:
            connection.settimeout(1.0)
            connection.connect(str(self._socket) if by_path else ("127.0.0.1", self._port))
        except OSError:
            connection.close()
            raise
        return connection
