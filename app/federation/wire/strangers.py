"""What servers that are no peers say: read leniently, and only the little that we act on.

Unknown contexts, fields and types are nobody's fault and are passed over; what we use must be in
order, and of one origin (FEP-fe34).
"""

from dataclasses import dataclass
from typing import Any

from app.federation.wire.actors import RFC9421
from app.federation.wire.addresses import AddressError, origin_of
from app.federation.wire.problems import MALFORMED, SIGNATURE_INVALID, RefusedError

ACTOR_TYPES = frozenset({"Person", "Service", "Application", "Organization", "Group"})
KEYS_MAX = 4
KEY_CHARACTERS_MAX = 4_096
NAME_CHARACTERS_MAX = 1_000


class StrangerError(ValueError):
    """Not an actor that we can speak with."""


@dataclass(frozen=True)
class Said:
    """A message of a stranger, as far as we look at it; nothing is proven yet."""

    kind: str
    activity_id: str
    actor_url: str
    origin: str
    object_id: str
    object_kind: str
    object_of: str


@dataclass(frozen=True)
class StrangerActor:
    """An actor of another server, checked to belong together; the name is as they wrote it."""

    actor_url: str
    origin: str
    inbox_url: str
    shared_inbox_url: str | None
    name: str
    keys: dict[str, str]
    speaks_rfc9421: bool


def read_said(raw: Any) -> Said:
    """Read a message's frame; `kind` is empty for types that are written as lists."""
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str | list):
        raise RefusedError(MALFORMED, "not an activity")
    kind = raw["type"] if isinstance(raw["type"], str) else ""
    actor_url, activity_id = _id_of(raw.get("actor")), _id_of(raw.get("id"))
    about = raw.get("object")
    inner = about if isinstance(about, dict) else {}
    if not actor_url:
        raise RefusedError(MALFORMED, "no actor")
    try:
        origin = origin_of(actor_url)
    except AddressError as error:
        # Told like an actor that is not to be had: nobody learns which addresses we would call.
        raise RefusedError(SIGNATURE_INVALID, f"actor: {error}") from error
    inner_kind = inner.get("type")
    return Said(
        kind=kind,
        activity_id=activity_id,
        actor_url=actor_url,
        origin=origin,
        object_id=_id_of(about),
        object_kind=inner_kind if isinstance(inner_kind, str) else "",
        object_of=_id_of(inner.get("object")),
    )


def read_actor(url: str, raw: Any) -> StrangerActor:
    """Read the document that was found at an actor's address."""
    if not isinstance(raw, dict) or raw.get("id") != url or not _is_actor(raw.get("type")):
        raise StrangerError("the document is of something else")
    try:
        origin = origin_of(url)
        inbox = _id_of(raw.get("inbox"))
        if origin_of(inbox) != origin:
            raise StrangerError("an inbox of another origin")
        keys = _keys(url, origin, raw)
    except AddressError as error:
        raise StrangerError(str(error)) from error
    if not keys:
        raise StrangerError("no key")
    return StrangerActor(
        actor_url=url,
        origin=origin,
        inbox_url=inbox,
        shared_inbox_url=_shared_inbox(origin, raw),
        name=_name(raw),
        keys=keys,
        speaks_rfc9421=_speaks_rfc9421(raw),
    )


def _is_actor(kind: Any) -> bool:
    kinds = kind if isinstance(kind, list) else [kind]
    return any(isinstance(each, str) and each in ACTOR_TYPES for each in kinds)


def _id_of(value: Any) -> str:
    """Return the address of something that is named or embedded; empty when there is none."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


def _list_of(value: Any) -> list[dict[str, Any]]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values[:KEYS_MAX] if isinstance(each, dict)]


def _keys(url: str, origin: str, raw: dict[str, Any]) -> dict[str, str]:
    """Find the keys that the actor names as its own, both ways of writing them."""
    named = [
        (_id_of(key), key.get("owner"), key.get("publicKeyPem"))
        for key in _list_of(raw.get("publicKey"))
    ] + [
        (_id_of(key), key.get("controller"), key.get("publicKeyMultibase"))
        for key in _list_of(raw.get("assertionMethod"))
    ]
    return {
        key_id: text
        for key_id, owner, text in named
        if owner == url
        and isinstance(text, str)
        and len(text) <= KEY_CHARACTERS_MAX
        and origin_of(key_id) == origin
    }


def _shared_inbox(origin: str, raw: dict[str, Any]) -> str | None:
    endpoints = raw.get("endpoints")
    shared = _id_of(endpoints.get("sharedInbox")) if isinstance(endpoints, dict) else ""
    try:
        return shared if shared and origin_of(shared) == origin else None
    except AddressError:
        return None


def _name(raw: dict[str, Any]) -> str:
    for field in ("name", "preferredUsername"):
        found = raw.get(field)
        if isinstance(found, str) and found.strip():
            return found[:NAME_CHARACTERS_MAX]
    return ""


def _speaks_rfc9421(raw: dict[str, Any]) -> bool:
    """Whether the software says so itself (FEP-844e)."""
    generator = raw.get("generator")
    implements = generator.get("implements") if isinstance(generator, dict) else None
    items = implements if isinstance(implements, list) else [implements]
    hrefs = [item.get("href") if isinstance(item, dict) else item for item in items[:50]]
    return RFC9421 in hrefs
