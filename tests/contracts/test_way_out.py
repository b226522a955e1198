"""There is one way out of this application, and every use of it is known.

Whatever can make a connection is imported in the files named here and in no other; whoever calls
another server does it through `app/infra/http_client.py`, and each such place is tried with
hostile addresses.
"""

import ast
from functools import cache

from tests.contracts.tree import python_files, read
from tests.factories.outgoing import INPUTS

# Modules that can open a connection -> the files that may import them, and why.
OPENERS: dict[str, dict[str, str]] = {
    "httpx": {
        "app/infra/http_client.py": "the way out",
        "app/federation/peers/discovery.py": "the type of a guarded client",
        "app/federation/public/sending.py": "the type of a guarded client",
        "app/workers/webhooks.py": "the type of a guarded client",
    },
    "httpcore": {"app/infra/http_client.py": "the way out"},
    "socket": {
        "app/infra/http_client.py": "asks the resolver",
        "app/infra/embedded/valkey.py": "a server on this machine",
        "app/infra/embedded/layout.py": "a server on this machine",
        "app/cli/running.py": "listens",
        "app/cli/serve.py": "listens",
    },
    "ssl": {
        "app/infra/http_client.py": "the way out",
        "app/infra/mail.py": "the operator's mail server",
    },
    "aiosmtplib": {"app/infra/mail.py": "the operator's mail server"},
    "obstore": {"app/infra/storage.py": "the operator's storage"},
    "asyncpg": {},
    "redis": {
        "app/infra/queue.py": "the operator's Redis",
        "app/infra/wakeups.py": "the operator's Redis",
        "app/cli/checks.py": "the operator's Redis",
    },
    "arq": {
        "app/infra/queue.py": "the operator's Redis",
        "app/workers/main.py": "the operator's Redis",
    },
}
# Nobody imports these at all.
NEVER = frozenset(
    {
        "aiohttp", "ftplib", "http.client", "imaplib", "nntplib", "poplib", "pycurl", "requests",
        "smtplib", "socketserver", "telnetlib", "urllib.request", "urllib3", "websockets",
        "xmlrpc", "webbrowser",
    }
)  # fmt: skip
# Methods of asyncio that connect.
CONNECTING = frozenset(
    {"open_connection", "open_unix_connection", "create_connection", "create_datagram_endpoint",
     "sock_connect", "start_connection"}
)  # fmt: skip
# Who makes calls -> the inputs by which an address gets there; tried in
# tests/federation/faults/test_hostile_addresses.py.
CALLERS: dict[str, set[str]] = {
    "app/federation/peers/discovery.py": {
        "steward's proposal", "steward's second proposal", "stranger's key id", "actor's inbox",
    },
    "app/federation/delivery.py": {"peer's inbox"},
    "app/federation/receipts/issuers.py": {"receipt's issuer"},
    "app/federation/peers/reading.py": {"peer's log"},
    "app/federation/witnesses/calling.py": {"peer's witness"},
    "app/federation/public/strangers.py": {"stranger's actor"},
    "app/federation/public/sending.py": {"follower's inbox"},
    "app/federation/peers/introductions.py": {"steward's look", "peer's description"},
    "app/workers/webhooks.py": {"organisation's callback"},
}  # fmt: skip
# The demonstration runs instances on this machine and speaks with them; it is nobody's input.
DEMONSTRATION = "app/cli/demo"
SOURCES = [name for name in python_files("app") if not name.startswith(DEMONSTRATION)]


@cache
def _nodes(name: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(read(name))))


@cache
def _imports(name: str) -> set[str]:
    found: set[str] = set()
    for node in _nodes(name):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _uses(name: str, module: str) -> bool:
    return any(each == module or each.startswith(f"{module}.") for each in _imports(name))


def test_what_connects_is_imported_where_it_is_known() -> None:
    for module, allowed in OPENERS.items():
        assert {name for name in SOURCES if _uses(name, module)} == set(allowed), module


def test_nothing_else_that_connects_is_imported() -> None:
    assert [(name, each) for name in SOURCES for each in NEVER if _uses(name, each)] == []


def test_nobody_connects_by_hand() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name in SOURCES
        for node in _nodes(name)
        if isinstance(node, ast.Attribute) and node.attr in CONNECTING
    ]
    assert found == []


def test_a_client_is_made_by_the_way_out_only() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name in SOURCES
        if name != "app/infra/http_client.py"
        for node in _nodes(name)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"AsyncClient", "Client", "AsyncConnectionPool", "OutboundPolicy"}
    ]
    assert found == []


def test_every_caller_is_tried_with_hostile_addresses() -> None:
    callers = {
        name
        for name in SOURCES
        if {"app.infra.http_client.call", "app.infra.http_client.fetch"} & _imports(name)
    }
    assert callers == set(CALLERS), "a new way to another server: give it its hostile addresses"
    assert set.union(*CALLERS.values()) == set(INPUTS)
