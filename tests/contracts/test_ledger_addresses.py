"""Addresses that the pages about the ledger name are served, by the method they name."""

import re
from collections.abc import Callable
from uuid import UUID

from starlette.routing import Match

from app.main import create_app
from app.settings import Settings
from tests.contracts.tree import read, tracked

DOCUMENTS = [name for name in tracked() if re.fullmatch(r"docs/ledger/[\w-]+\.md", name)]
ADDRESS = re.compile(r"`(?:(GET|POST|PUT|PATCH|DELETE) )?(/[^`\n]*)`")
# "{id}", "<id>" and "…" all stand for what differs.
ANY = re.compile(r"\{[^}]*\}|<[^>]*>|…")


def _serves() -> Callable[[str, str], bool]:
    # Nothing connects before the application's life span begins.
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1/none", redis_url="redis://127.0.0.1/0"
    )
    routes = create_app(settings).router.routes

    def serves(method: str, said: str) -> bool:
        path = ANY.sub(str(UUID(int=1)), said.partition("?")[0])
        scope = {"type": "http", "method": method, "headers": [], "root_path": ""}
        # What the API is named without is its beginning.
        asked = [{**scope, "path": f"{base}{path}"} for base in ("", "/api/v1")]
        return any(route.matches(one)[0] == Match.FULL for route in routes for one in asked)

    return serves


def test_addresses_in_the_pages_of_the_ledger_are_served() -> None:
    serves = _serves()
    assert serves("GET", "/books/{id}")
    assert not serves("GET", "/books/{id}/no-such-page")
    named = [(name, *found) for name in DOCUMENTS for found in ADDRESS.findall(read(name))]
    wrong = [one for one in named if not serves(one[1] or "GET", one[2])]
    assert wrong == []
    assert len(named) > 20, "there are some"
