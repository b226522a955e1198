"""The committed description of the API is the one the routes give."""

import json
from typing import Any

from app.main import create_app
from app.settings import Settings
from tests.contracts.tree import read

METHODS = {"get", "post", "put", "patch", "delete"}


def _schema() -> dict[str, Any]:
    # Nothing connects before the application's life span begins.
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1/none", redis_url="redis://127.0.0.1/0"
    )
    return create_app(settings).openapi()


def test_the_committed_description_is_current() -> None:
    committed = json.loads(read("openapi/openapi.json"))
    assert committed == json.loads(json.dumps(_schema())), "run: python3 -m app openapi"


def test_every_operation_has_a_name_of_its_own_and_a_sentence() -> None:
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in _schema()["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]
    names = [operation["operationId"] for _, operation in operations]
    assert len(names) == len(set(names))
    assert [route for route, op in operations if not op.get("summary")] == []
    assert [route for route, op in operations if not op.get("description")] == []
