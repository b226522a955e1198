"""Messages that are refused: each with its problem type, and nothing stored.

Every case is the good message of the control with one thing wrong, sent by the same pair.
"""

import gzip
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.federation.budgets import Budget, set_budget
from app.infra import clock
from app.infra.signatures import Signer
from tests.factories.instances import (
    Letter,
    Pair,
    activity,
    proposal,
    send,
    sign,
    tombstone,
)
from tests.factories.world import Json

OURS = "https://ns.tornallom.example/mutual-aid#"
COMMON = "https://w3id.org/fep/c180#"
ELSEWHERE = "http://127.0.0.1:9"
Make = Callable[[Pair], Awaitable[Letter]]


@dataclass(frozen=True)
class Case:
    """One wrong thing, and what the sender is told."""

    status: int
    type: str
    make: Make


def said(change: Callable[[Pair, Json], Json | bytes | None]) -> Make:
    """Sign the control's content after a change of it."""

    async def make(pair: Pair) -> Letter:
        content = pair.create(77)
        changed = change(pair, content)
        return await pair.letter(content if changed is None else changed)

    return make


def sent(change: Callable[[Letter], Letter]) -> Make:
    """Change the control's letter after it was signed."""

    async def make(pair: Pair) -> Letter:
        return change(await pair.letter(pair.create(77)))

    return make


def raw(text: str) -> Make:
    """Sign a body that is not what a program of ours would write."""
    return said(
        lambda _, content: json.dumps(content).encode().replace(b'"places": 2', text.encode())
    )


async def forged(pair: Pair) -> Letter:
    north = await pair.north.identity()
    thief = Signer(Ed25519PrivateKey.generate(), north.signer.key_id)
    body = json.dumps(pair.create(77)).encode()
    return sign(replace(north, signer=thief), f"{pair.south.origin}/inbox", body)


async def of_a_stranger(pair: Pair, content: Json | None = None) -> Letter:
    key = Signer(Ed25519PrivateKey.generate(), f"{ELSEWHERE}/actor#ed25519-key")
    stranger = replace(await pair.north.identity(), origin=ELSEWHERE, signer=key)
    about = content or activity(ELSEWHERE, "Create", proposal(ELSEWHERE))
    return sign(stranger, f"{pair.south.origin}/inbox", json.dumps(about).encode())


async def offer_of_a_stranger(pair: Pair) -> Letter:
    relationship = {"type": "Relationship", "subject": f"{ELSEWHERE}/actor"}
    return await of_a_stranger(pair, activity(ELSEWHERE, "Offer", relationship))


def signed_at(moved: timedelta) -> Make:
    async def make(pair: Pair) -> Letter:
        with clock.moved(moved):
            return await pair.letter(pair.create(77))

    return make


async def replayed(pair: Pair) -> Letter:
    letter = await pair.letter(pair.create(1))
    assert (await send(letter)).status_code == 202
    return letter


async def id_reused(pair: Pair) -> Letter:
    content = pair.create(1)
    assert (await pair.tell(content)).status_code == 202
    return await pair.letter({**content, "published": "2026-11-20T10:00:01Z"})


async def oddly_numbered(pair: Pair) -> Letter:
    return await pair.letter(pair.create(77), seq='0;epoch="e-0000"')


def without(name: str) -> Callable[[Letter], Letter]:
    return lambda letter: replace(
        letter, headers={k: v for k, v in letter.headers.items() if k != name}
    )


def with_header(name: str, value: str) -> Callable[[Letter], Letter]:
    return lambda letter: replace(letter, headers={**letter.headers, name: value})


def set_object(**changes: Any) -> Callable[[Pair, Json], None]:
    return lambda _, content: content["object"].update(changes)


CASES: dict[str, Case] = {
    "unsigned": Case(401, OURS + "signature-missing", sent(without("Signature"))),
    "signed for something else": Case(
        401,
        OURS + "signature-missing",
        sent(lambda m: with_header(
            "Signature-Input", m.headers["Signature-Input"].replace("ma-fed", "other")
        )(m)),
    ),
    "forged with another key": Case(401, OURS + "signature-invalid", forged),
    "body altered": Case(
        401,
        OURS + "signature-invalid",
        sent(lambda m: replace(m, body=m.body.replace(b"piano", b"organ"))),
    ),
    "sent to another path": Case(
        401, OURS + "signature-invalid", sent(lambda m: replace(m, url=m.url + "?x=1"))
    ),
    "replayed": Case(401, OURS + "signature-invalid", replayed),
    "signed ten minutes ago": Case(401, OURS + "clock-skew", signed_at(timedelta(minutes=-10))),
    "signed in two hours": Case(401, OURS + "clock-skew", signed_at(timedelta(hours=2))),
    "of an unknown peer": Case(403, OURS + "not-peer", of_a_stranger),
    "offer of a stranger without an actor": Case(
        401, OURS + "signature-invalid", offer_of_a_stranger
    ),
    "for another host": Case(421, OURS + "wrong-host", sent(with_header("Host", "east.example"))),
    "compressed": Case(
        415,
        OURS + "content-encoding",
        sent(lambda m: with_header("Content-Encoding", "gzip")(
            replace(m, body=gzip.compress(m.body))
        )),
    ),
    "as plain json": Case(
        415, OURS + "content-type", sent(with_header("Content-Type", "application/json"))
    ),
    "too large": Case(
        413,
        OURS + "too-large",
        said(lambda _, content: json.dumps({**content, "x": "y" * 262_144}).encode()),
    ),
    "not json": Case(400, OURS + "malformed", said(lambda *_: b"{")),
    "not an object": Case(400, OURS + "malformed", said(lambda *_: b"[]")),
    "duplicate keys": Case(400, OURS + "malformed", raw('"places": 2, "places": 3')),
    "NaN": Case(400, OURS + "malformed", raw('"places": NaN')),
    "a fraction": Case(400, OURS + "malformed", raw('"places": 2.5')),
    "an integer beyond 2^53": Case(400, OURS + "malformed", raw('"places": 9007199254740993')),
    "a 5,000-digit integer": Case(400, OURS + "malformed", raw('"places": ' + "9" * 5000)),
    "a lone surrogate": Case(400, OURS + "malformed", raw('"places": "\\ud800"')),
    "NUL": Case(400, OURS + "malformed", raw('"places": "\\u0000"')),
    "deep": Case(400, OURS + "malformed", raw('"places": ' + "[" * 5000 + "]" * 5000)),
    "a key that restructures": Case(
        400, OURS + "malformed", said(set_object(**{"@graph": []}))
    ),
    "another context": Case(
        400,
        OURS + "malformed",
        said(lambda _, content: {**content, "@context": content["@context"][:1]}),
    ),
    "a field missing": Case(
        400, OURS + "malformed", said(lambda _, content: content["object"].pop("name") and None)
    ),
    "a wrong unit": Case(
        400,
        OURS + "malformed",
        said(lambda _, content: content["object"]["publishes"].update(
            resourceQuantity={"hasUnit": "banana", "hasNumericalValue": "3"}
        )),
    ),
    "an odd number": Case(400, OURS + "malformed", oddly_numbered),
    "of a type we do not know": Case(
        400, COMMON + "unsupported-type", said(lambda _, content: {**content, "type": "Announce"})
    ),
    "a follow": Case(
        400,
        COMMON + "unsupported-type",
        said(lambda pair, _: activity(pair.north.origin, "Follow", f"{pair.south.origin}/actor")),
    ),
    "spoken for another actor": Case(
        400,
        COMMON + "principal-actor-mismatch",
        said(lambda _, content: {**content, "actor": f"{ELSEWHERE}/actor"}),
    ),
    "spoken for another actor of its own origin": Case(
        400,
        COMMON + "principal-actor-mismatch",
        said(lambda pair, content: {**content, "actor": f"{pair.north.origin}/members/ana"}),
    ),
    "with an id of another origin": Case(
        400,
        COMMON + "principal-actor-mismatch",
        said(lambda _, content: {**content, "id": f"{ELSEWHERE}/activities/1"}),
    ),
    "about somebody else's need": Case(
        403,
        COMMON + "actor-not-authorized",
        said(lambda pair, content: content["object"].update(id=f"{pair.south.origin}/needs/1")),
    ),
    "attributed to somebody else": Case(
        403,
        COMMON + "actor-not-authorized",
        said(set_object(attributedTo=f"{ELSEWHERE}/actor")),
    ),
    "with a page elsewhere": Case(
        403, COMMON + "actor-not-authorized", said(set_object(url=f"{ELSEWHERE}/phishing"))
    ),
    "deleting somebody else's need": Case(
        403,
        COMMON + "actor-not-authorized",
        said(lambda pair, _: activity(pair.north.origin, "Delete", tombstone(pair.south.origin))),
    ),
    "an address with a port that goes without saying": Case(
        400, OURS + "malformed", said(set_object(url="https://north.example:443/needs/1"))
    ),
    "an address in capitals": Case(
        400, OURS + "malformed", said(set_object(url="http://LOCALHOST/needs/1"))
    ),
    "more taken than there is": Case(422, OURS + "rule", said(set_object(taken=3))),
    "accepting an offer that was never made": Case(
        409,
        OURS + "state-conflict",
        said(lambda pair, _: activity(
            pair.north.origin, "Accept", f"{pair.south.origin}/peering/1",
            to=f"{pair.south.origin}/actor", epoch="e-1234",
        )),
    ),
    "undoing somebody else's act": Case(
        403,
        COMMON + "actor-not-authorized",
        said(lambda pair, _: activity(
            pair.north.origin, "Undo", f"{pair.south.origin}/peering/1",
            to=f"{pair.south.origin}/actor",
        )),
    ),
    "the same id with another content": Case(409, OURS + "id-reuse", id_reused),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_it_is_refused_and_nothing_is_stored(old_friends: Pair, name: str) -> None:
    case = CASES[name]
    control = await old_friends.tell(old_friends.create(1))
    assert control.status_code == 202
    letter = await case.make(old_friends)
    before = await old_friends.south.stored()

    answer = await send(letter)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (case.status, case.type), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == case.status
    assert await old_friends.south.stored() == before
    assert "piano" not in answer.text


async def test_what_to_do_is_told_with_the_refusal(old_friends: Pair) -> None:
    letter = await old_friends.letter(old_friends.create(77))
    unsigned = await send(without("Signature")(letter))
    assert 'tag="ma-fed"' in unsigned.headers["accept-signature"]
    with clock.moved(timedelta(hours=-2)):
        late = await old_friends.letter(old_friends.create(77))
    assert (await send(late)).headers["date"]
    assert (await send(letter)).status_code == 202


async def test_a_suspended_and_a_blocked_peer_are_refused(old_friends: Pair) -> None:
    south = old_friends.south
    assert south.steward is not None
    path = f"/peers/{(await south.peer())['id']}"
    for state, status, kind in (
        ("suspended", 403, OURS + "peer-suspended"),
        ("blocked", 404, COMMON + "object-does-not-exist"),
    ):
        assert (await old_friends.tell(old_friends.create(1))).status_code == 202
        await south.steward.move(path, state)
        before = await south.stored()
        answer = await old_friends.tell(old_friends.create(78))
        assert (answer.status_code, answer.json()["type"]) == (status, kind)
        assert await south.stored() == before
        if state == "suspended":
            # A forgery is not told even that.
            assert (await send(await forged(old_friends))).status_code == 401
            await south.steward.move(path, "active")


async def test_a_key_id_of_a_real_peer_cannot_be_poisoned(peers: Pair) -> None:
    for _ in range(3):
        assert (await send(await forged(peers))).status_code == 401
    assert (await peers.tell(peers.create(1))).status_code == 202


async def test_a_flood_is_slowed_down(peers: Pair) -> None:
    set_budget(peers.south.runtime, Budget(requests_per_minute=5, burst=5))
    answers = [await peers.tell(peers.create(number)) for number in range(8)]
    assert [answer.status_code for answer in answers][-1] == 429
    assert answers[-1].json()["type"] == COMMON + "rate-limit-exceeded"
    assert answers[-1].headers["retry-after"] == "30"
    with clock.moved(timedelta(seconds=61)):
        assert (await peers.tell(peers.create(9))).status_code == 202


async def test_strangers_cause_few_fetches(peers: Pair) -> None:
    first = await send(await offer_of_a_stranger(peers))
    again = await send(await offer_of_a_stranger(peers))
    assert (first.status_code, again.status_code) == (401, 429)
    assert again.headers["retry-after"] == "300"
