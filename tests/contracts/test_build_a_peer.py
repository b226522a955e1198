"""The page for other implementers: its examples fit the schemas, its signature verifies."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.federation.wire.context import NATIVE_CONTEXT
from app.federation.wire.schemas import NOUNS, schema_of
from tests.contracts.tree import read
from tests.factories.vectors import PROFILE

PAGE = read("docs/federation/build-a-peer.md")
EXAMPLE = re.compile(r"<!-- document: (\w+) -->\n```json\n(.*?)```", re.DOTALL)
NOUN_OF = {document.__name__: noun for noun, documents in NOUNS.items() for document in documents}
KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "$") -> list[str]:
    """Say where a value breaks a schema; of JSON Schema as much as ours use."""
    if "$ref" in schema:
        return faults(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
    if "anyOf" in schema:
        tried = [faults(value, option, root, at) for option in schema["anyOf"]]
        return [] if [] in tried else [f"{at}: none of {len(tried)}: {tried}"]
    found = _of_scalar(value, schema, at)
    if isinstance(value, dict):
        missing = set(schema.get("required", ())) - value.keys()
        found += [f"{at}.{name}: missing" for name in missing]
        for name, inner in value.items():
            if name in schema.get("properties", {}):
                found += faults(inner, schema["properties"][name], root, f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for number, inner in enumerate(value):
            found += faults(inner, schema["items"], root, f"{at}[{number}]")
    return found


def _of_scalar(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    kind, found = schema.get("type"), []
    if kind in KINDS and not isinstance(value, KINDS[kind]):
        found.append(f"{at}: not {kind}")
    if kind == "integer" and (not isinstance(value, int) or isinstance(value, bool)):
        found.append(f"{at}: not an integer")
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: not the constant")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: not one of {schema['enum']}")
    if isinstance(value, str):
        found += _of_text(value, schema, at)
    if kind == "integer" and isinstance(value, int) and value < schema.get("minimum", value):
        found.append(f"{at}: too small")
    return found


def _of_text(value: str, schema: dict[str, Any], at: str) -> list[str]:
    found = [f"{at}: too long"] if len(value) > schema.get("maxLength", len(value)) else []
    fits = "pattern" not in schema or re.search(schema["pattern"], value)
    return found if fits else [*found, f"{at}: another pattern"]


def example(text: str) -> Any:
    document = json.loads(text)
    if document.get("@context") == "CONTEXT":
        document["@context"] = NATIVE_CONTEXT
    return document


@pytest.mark.parametrize(("name", "text"), EXAMPLE.findall(PAGE))
def test_an_example_fits_its_schema(name: str, text: str) -> None:
    root = schema_of(NOUN_OF[name])
    said = example(text)
    assert faults(said, root["$defs"][name], root) == []
    # Not because everything fits: without one of its parts it does not.
    for part in root["$defs"][name]["required"]:
        broken = {key: value for key, value in said.items() if key != part}
        assert faults(broken, root["$defs"][name], root) != []


def test_an_example_is_read_by_the_class_that_reads_peers() -> None:
    shown = set()
    for name, text in EXAMPLE.findall(PAGE):
        document = next(d for d in NOUNS[NOUN_OF[name]] if d.__name__ == name)
        assert document.model_validate(example(text)).model_fields_set
        shown.add(NOUN_OF[name])
    assert shown >= {"actors", "peering", "needs", "agreements", "log"}


def block(kind: str) -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)\n```", PAGE, re.DOTALL)
    return str(found)


def test_the_signature_on_the_page_verifies_and_is_the_vectors() -> None:
    raw = base64.urlsafe_b64decode(block("key") + "=")
    key = Ed25519PublicKey.from_public_bytes(raw)
    base = block("base")
    signature = base64.b64decode(block("signature").partition("sig1=:")[2].rstrip(":"))
    key.verify(signature, base.encode())
    with pytest.raises(InvalidSignature):
        key.verify(signature, base.replace("north", "south", 1).encode())
    digest = base64.b64encode(hashlib.sha256(PROFILE["body"].encode()).digest()).decode()
    assert block("digest") == f"sha-256=:{digest}:"
    assert block("digest") in base
    assert base == PROFILE["signature_base"]
    assert block("signature") == f"Signature: {PROFILE['headers']['Signature']}"


def test_the_page_leads_to_what_is_there() -> None:
    for target in re.findall(r"\]\((\.\./\.\./[^)#]+)\)", PAGE):
        path = target.removeprefix("../../")
        if not path.endswith("/"):
            assert read(path)
    for noun in NOUNS:
        assert f"/schemas/v1/{noun}.schema.json" in schema_of(noun)["$id"]
