"""What travels, as properties: nothing is lost on the way, and nothing odd gets through."""

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.needs.actions import PLAIN_FIELDS
from app.domain.profiles.skills import SKILLS
from app.federation.entries import Entry
from app.federation.handlers.needs import check_need, fields_of, plain_text
from app.federation.outbox import message_of
from app.federation.peers.identity import Identity
from app.federation.registry import REGISTRY, kind_of
from app.federation.verification import VerifiedMessage, VerifiedReader, content_of, read_content
from app.federation.wire.context import NATIVE_CONTEXT, PUBLIC
from app.federation.wire.documents import to_wire
from app.federation.wire.limits import BODY_BYTES_MAX
from app.federation.wire.needs import CreateNeed
from app.federation.wire.problems import UNSUPPORTED_TYPE, RefusedError
from app.infra.keys import load_rsa_key, new_rsa_key
from app.infra.signatures import RsaSigner, Signer
from app.models.needs import (
    Audience,
    Need,
    NeedFields,
    NeedKind,
    NeedSkillFields,
    NeedState,
    Stream,
    Urgency,
)

NORTH = "https://north.example"
IDENTITY = Identity(
    NORTH,
    "e-1234",
    Signer(Ed25519PrivateKey.generate(), f"{NORTH}/actor#ed25519-key"),
    datetime(2026, 11, 20, tzinfo=UTC),
    RsaSigner(load_rsa_key(new_rsa_key()), f"{NORTH}/actor#main-key"),
)
NEED_ID = UUID("01a1fa19-b2ef-716f-a804-6f3ffe9b9fcc")
PRINTABLE = st.characters(blacklist_categories=("Cs", "Cc"))
LINES = st.text(PRINTABLE, max_size=60)
SLUGS = sorted(SKILLS)

NEEDS = st.fixed_dictionaries(
    {
        "title": st.text(PRINTABLE, min_size=3, max_size=200),
        "body": st.text(PRINTABLE | st.just("\n"), max_size=400),
        "language": st.sampled_from(["en", "el", "ca", "nl", "es", "pt-BR"]),
        "kind": st.sampled_from(NeedKind),
        "stream": st.sampled_from(Stream),
        "urgency": st.sampled_from(Urgency),
        "skills": st.lists(
            st.fixed_dictionaries(
                {"slug": st.sampled_from(SLUGS), "weight": st.sampled_from(["must", "nice"])}
            ),
            max_size=8,
            unique_by=lambda skill: skill["slug"],
        ),
        "tags": st.lists(st.text(PRINTABLE, min_size=1, max_size=60), max_size=8, unique=True),
        "estimate_minutes": st.none() | st.integers(1, 60 * 24 * 366),
        "places": st.integers(1, 500),
        "deadline": st.none() | st.dates(date(2026, 1, 1), date(2099, 12, 31)),
        "remote": st.booleans(),
        "region": LINES,
        "link": st.none() | st.sampled_from(["https://example.org/a?b=c#d", "mailto:a@b.example"]),
        "beneficiary": st.none() | LINES,
        "audience": st.sampled_from([Audience.PEERS, Audience.PUBLIC]),
    }
)


def need_of(fields: NeedFields) -> Need:
    plain = {name: getattr(fields, name) for name in PLAIN_FIELDS}
    return Need(
        **plain,
        id=NEED_ID,
        organisation_name="Forn Roig",
        state=NeedState.OPEN,
        version=3,
        skill_slugs=[skill.slug for skill in fields.skills],
        must_slugs=[skill.slug for skill in fields.skills if skill.weight == "must"],
        published_at=datetime(2026, 11, 20, tzinfo=UTC),
    )


def sent_and_read(need: Need) -> CreateNeed:
    """Write a message, send it as bytes and read it as the other side does."""
    body = json.dumps(to_wire(message_of(IDENTITY, need, CreateNeed))).encode()
    assert len(body) <= BODY_BYTES_MAX
    content = read_content(body, NORTH)
    document: CreateNeed = entry_of(content.activity).read(content.activity)
    return document


@given(NEEDS)
@settings(max_examples=150, deadline=None)
def test_a_need_arrives_as_it_was_sent(values: dict[str, Any]) -> None:
    try:
        fields = NeedFields.model_validate(values)
    except ValueError:
        return  # spaces alone make no title
    read = sent_and_read(need_of(fields))
    arrived = fields_of(read.object).model_dump()
    expected = fields.model_dump() | {"skills_unknown": not fields.skills}
    expected["beneficiary"] = fields.beneficiary or None
    hashes = [tag for tag in fields.tags if tag.removeprefix("#")]
    assert arrived["tags"] == list(dict.fromkeys(hashes))
    for name in expected.keys() - {"tags"}:
        assert arrived[name] == expected[name], name
    assert read.object.to == (PUBLIC if fields.audience == Audience.PUBLIC else f"{NORTH}/peers")


def test_the_longest_need_still_fits() -> None:
    fields = NeedFields(
        title="&" * 200, body="&\U0001f600" * 10_000, language="el",
        tags=[f"{'é' * 57}{number:03}" for number in range(60)],
        skills=[NeedSkillFields(slug=slug) for slug in SLUGS[:30]],
        region="&" * 200, beneficiary="&" * 200, link="https://e.example/" + "a" * 1900,
    )  # fmt: skip
    assert fields_of(sent_and_read(need_of(fields)).object).body == fields.body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


def read_whole(said: dict[str, Any]) -> object:
    content = content_of(said, NORTH)
    return entry_of(content.activity).read(content.activity)


def entry_of(activity: dict[str, Any]) -> Entry:
    """Find the first entry of a kind; which of several takes a message is asked over the wire."""
    found = REGISTRY.get(kind_of(activity))
    if not found:
        raise RefusedError(UNSUPPORTED_TYPE)
    return found[0]


NOT_A_NEED = {"type": "Proposal", "id": f"{NORTH}/needs/1"}


@given(
    kind=st.sampled_from([*{kind for kind, _ in REGISTRY}, "Follow", ""]),
    about=JSON
    | st.fixed_dictionaries({"type": st.sampled_from([a for _, a in REGISTRY])} | {"x": JSON}),
    extra=st.dictionaries(st.text(), JSON, max_size=3),
)
@example(kind="Create", about=NOT_A_NEED, extra={})
@settings(max_examples=300, deadline=None)
def test_nothing_but_a_refusal_comes_of_nonsense(
    kind: str, about: Any, extra: dict[str, Any]
) -> None:
    said = {
        **extra,
        "@context": NATIVE_CONTEXT,
        "id": f"{NORTH}/a/1",
        "actor": f"{NORTH}/actor",
        "type": kind,
        "object": about,
    }
    with pytest.raises(RefusedError):
        read_whole(said)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_bytes_that_are_no_message_are_refused(body: bytes) -> None:
    with pytest.raises(RefusedError):
        read_content(body, NORTH)


@given(st.text(max_size=200))
@settings(deadline=None)
def test_plain_text_holds_no_markup(text: str) -> None:
    assert (
        plain_text(f"<p>{text.replace('&', '').replace('<', '')}</p><script>x</script>").count("<")
        == 0
    )


def test_nobody_else_can_make_a_verified_message() -> None:
    for made in (VerifiedMessage, VerifiedReader):
        values: dict[str, Any] = dict.fromkeys(made.__dataclass_fields__)
        with pytest.raises(AssertionError):
            made(**values)
    assert check_need.__annotations__["verified"] is VerifiedMessage
