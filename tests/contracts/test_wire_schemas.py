"""The committed schemas of the wire documents are the ones that the classes give."""

from itertools import chain

import pytest
from pydantic import TypeAdapter

from app.federation.registry import REGISTRY
from app.federation.wire.schemas import NOUNS, schema_of
from tests.contracts.tree import read
from tools.wire_schemas import stale, written


def test_the_committed_schemas_are_current() -> None:
    assert stale(written()) == [], "run: python tools/wire_schemas.py"


def test_a_change_of_a_document_would_be_seen() -> None:
    files = {path: text.replace("maximum", "minimum") for path, text in written().items()}
    assert "needs.schema.json" in stale(files)


@pytest.mark.parametrize("noun", NOUNS)
def test_a_document_is_frozen_and_known_by_its_name(noun: str) -> None:
    for document in NOUNS[noun]:
        assert document.model_config["frozen"] is True
        assert document.__name__ in schema_of(noun)["$defs"]


def test_everything_we_accept_has_a_schema_and_is_told_to_other_software() -> None:
    documented = {document for documents in NOUNS.values() for document in documents}
    page = read("FEDERATION.md")
    for entry in chain.from_iterable(REGISTRY.values()):
        kind, about = entry.kind
        assert entry.document in documented
        assert TypeAdapter(entry.document).json_schema()
        assert f"`{kind}({about})`" in page or f"`{kind}`" in page
