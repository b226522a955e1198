"""PostgreSQL as a child of this process, or adopted when another process runs it already."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from app.infra.embedded import children, cluster
from app.infra.embedded.binaries import postgres_binary
from app.infra.embedded.errors import EmbeddedError
from app.infra.embedded.layout import (
    Layout,
    free_port,
    has_passwords,
    passwords,
    prepare,
    socket_fits,
    start_lock,
)
from app.infra.embedded.server import EmbeddedServer

DEFAULT_PORT = 5432
START_SECONDS_MAX = 300.0
DATABASE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
ROLE_NAMES = {"owner": cluster.OWNER, "app": cluster.APP}
# Safety settings stay at PostgreSQL's defaults (fsync, full_page_writes, synchronous_commit on).
# The log holds no statement and no row: what people write must not end up there.
SETTINGS = {
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "jit": "off",
    "max_logical_replication_workers": "0",
}
# What a cluster may leave out that nobody misses after its run. It still survives the end of its
# processes, not that of the machine.
THROWAWAY = {"fsync": "off", "full_page_writes": "off"}


def start_postgres(data_dir: Path, *, throwaway: bool = False) -> "EmbeddedPostgres":
    """Start the cluster of a data folder, making it on the first start; adopt a running one.

    A throwaway cluster, for tests, does not wait for the disk.
    """
    layout = prepare(data_dir)
    server = EmbeddedPostgres(layout, THROWAWAY if throwaway else {})
    server.revive()
    return server


class EmbeddedPostgres(EmbeddedServer):
    """A running cluster: addresses, databases, and its end."""

    # Fast shutdown, then immediate (recovers at the next start).
    STOP_STEPS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))

    def __init__(self, layout: Layout, changes: Mapping[str, str]) -> None:
        """Use `start_postgres`."""
        self._layout = layout
        self._settings = {**SETTINGS, **changes}
        self._passwords: dict[str, str] = {}
        self._host = ""
        self._port = 0

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._layout.log("postgres")

    def url(self, database: str, role: Literal["app", "owner"] = "app") -> str:
        """Return an address that asyncpg and SQLAlchemy take."""
        login = f"{ROLE_NAMES[role]}:{self._passwords[role]}"
        if self._host.startswith("/"):
            place = f"host={quote(self._host, safe='/')}&port={self._port}"
            return f"postgresql://{login}@/{database}?{place}"
        return f"postgresql://{login}@{self._host}:{self._port}/{database}"

    def ensure_database(self, name: str, *, template: str | None = None) -> None:
        """Make a database unless it is there, its tables open to the application's role."""
        for checked in (name, template or name):
            if not DATABASE_NAME.fullmatch(checked):
                message = f"not a database name: {checked}"
                raise ValueError(message)
        if self._grant(name):
            return
        source = f" TEMPLATE {template}" if template else ""
        made = self._psql("postgres", f"CREATE DATABASE {name}{source};")
        if not self._grant(name):  # another process may have made it in between: then it is there
            message = f"The database {name} could not be made: {made.stderr.strip()}"
            raise EmbeddedError(message)

    def drop_database(self, name: str) -> None:
        """Drop a database, ending its connections."""
        if not DATABASE_NAME.fullmatch(name):
            message = f"not a database name: {name}"
            raise ValueError(message)
        done = self._psql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE);")
        if done.returncode != 0:
            raise EmbeddedError(done.stderr.strip())

    def revive(self) -> bool:
        """Start the server unless it runs, here or in another process; True when it was started.

        Cheap when it runs, so a supervisor may ask each second. Call it from the main thread.
        """
        if self._process is not None and not children.has_ended(self._process):
            return False
        with start_lock(self._layout, "postgres"):
            self._process = None
            lost = self._layout.postgres.exists() and not has_passwords(self._layout, "postgres")
            self._passwords = passwords(self._layout, "postgres", tuple(ROLE_NAMES))
            running = self._running()
            if running is None:
                self._start(lost_passwords=lost)
                return True
            self._host, self._port = running.host, running.port
            return False

    def _running(self) -> cluster.Postmaster | None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while found := cluster.read_postmaster(self._layout):
            if not children.is_running(found.pid, str(self._layout.postgres)):
                return None
            if found.ready:
                return found
            # It is stopping, or recovering after a crash.
            if time.monotonic() > deadline:
                raise EmbeddedError(self._not_ready())
            time.sleep(0.05)
        return None

    def _start(self, *, lost_passwords: bool) -> None:
        account = children.account_for(self._layout.postgres)
        cluster.ensure_cluster(self._layout, account, self._passwords)
        cluster.clear_remains(self._layout)
        if lost_passwords:
            cluster.set_passwords(self._layout, account, self._passwords)
        self._process = children.spawn(
            self._command(),
            account,
            log=self.log,
            death_signal="INT",
            folder=self._layout.root,
        )
        try:
            ready = self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        self._host, self._port = ready.host, ready.port

    def _command(self) -> list[str]:
        settings = dict(self._settings)
        port = self._port or DEFAULT_PORT
        if socket_fits(self._layout.run / f".s.PGSQL.{port}.lock"):
            settings |= {"listen_addresses": "", "unix_socket_permissions": "0700"}
            settings["unix_socket_directories"] = f'"{self._layout.run}"'
        else:
            # Such a path does not fit into a socket's name. A server that is started again keeps
            # its port, because addresses with it are in use.
            port = self._port or free_port()
            settings |= {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        command = [str(postgres_binary("postgres")), "-D", str(self._layout.postgres)]
        command += ["-p", str(port)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> cluster.Postmaster:
        deadline = time.monotonic() + START_SECONDS_MAX
        while process.poll() is None:
            found = cluster.read_postmaster(self._layout)
            if found and found.pid == process.pid and found.ready:
                return found
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        raise EmbeddedError(self._not_ready())

    def _not_ready(self) -> str:
        return f"PostgreSQL did not start; {self.log} ends with:\n{children.log_tail(self.log)}"

    def _grant(self, database: str) -> bool:
        rights = f"ALTER DEFAULT PRIVILEGES FOR ROLE {cluster.OWNER} GRANT"
        done = self._psql(
            database,
            f"{rights} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {cluster.APP};"
            f"{rights} USAGE, SELECT ON SEQUENCES TO {cluster.APP};",
        )
        return done.returncode == 0

    def _psql(self, database: str, statements: str) -> subprocess.CompletedProcess[str]:
        command = [str(postgres_binary("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", self._host, "-p", str(self._port), "-U", cluster.OWNER, "-d", database]
        return subprocess.run(  # noqa: S603 - our own binary, names are checked
            command,
            input=statements,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.defpath, "PGPASSWORD": self._passwords["owner"], "LC_ALL": "C"},
        )
