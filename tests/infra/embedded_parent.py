"""A program that runs the embedded servers, for tests to question and kill.

`python embedded_parent.py FOLDER postgres|valkey`; then one word a line on standard input. Each
answer is one line of JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

from app.infra.embedded import (
    EmbeddedError,
    EmbeddedPostgres,
    EmbeddedValkey,
    start_postgres,
    start_valkey,
)


def say(**told: Any) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def describe(server: EmbeddedPostgres | EmbeddedValkey) -> dict[str, Any]:
    process = server._process
    told = {"adopted": server.adopted, "pid": process.pid if process else None}
    if isinstance(server, EmbeddedValkey):
        return {**told, "url": server.url()}
    return {**told, "owner_url": server.url("postgres", "owner"), "app_url": server.url("postgres")}


def obey(server: EmbeddedPostgres | EmbeddedValkey, words: list[str]) -> dict[str, Any]:
    if words[0] == "stop":
        server.stop()
        return {}
    if words[0] == "database" and isinstance(server, EmbeddedPostgres):
        server.ensure_database(words[1])
        return {"app_url": server.url(words[1]), "owner_url": server.url(words[1], "owner")}
    return {"started": server.revive(), **describe(server)}


def main(folder: Path, kind: str) -> None:
    try:
        server = start_postgres(folder) if kind == "postgres" else start_valkey(folder)
    except EmbeddedError as error:
        say(error=str(error))
        return
    with server:
        say(**describe(server))
        for line in sys.stdin:
            say(**obey(server, line.split()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
