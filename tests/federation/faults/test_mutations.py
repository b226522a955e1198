"""A good message with one thing changed, in every way we could think of: never accepted.

Each kind of message is one that an instance has really written and not yet delivered. All its
changed copies arrive first and leave the receiver's tables as they were, byte for byte; then the
good one is accepted, once, however often it comes.
"""

import base64
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlmodel import col, select

from app.infra import clock
from app.infra.ids import public_id
from app.models.federation import FederationEvent, IncomingMessage, IncomingState
from tests.factories.helping import helping
from tests.factories.instances import Instance, Letter, Pair, send, sign
from tests.factories.world import Json
from tests.infra import signature_oracle as oracle

ELSEWHERE = "http://127.0.0.1:9"
COVERED = '"@method" "@target-uri" "content-type" "content-digest"'
# What asking for keys leaves behind, how much a peer used, and whose clock is off.
NOTED = ("actor_fetches", "peer_budgets", "peer_inboxes")
# What a known message may change: its nonce is noted, and an offer is answered once more.
REPEATED = {"seen_nonces", "incoming_messages", "deliveries", "peer_outboxes"}
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
SUM = "SELECT '{0}', md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), '')) FROM \"{0}\" t"


@dataclass(frozen=True)
class Good:
    """A message that its sender has written for its receiver and that has not been sent yet."""

    sender: Instance
    receiver: Instance
    content: Json

    async def letter(self, content: Json | None = None, to: str = "") -> Letter:
        """Sign it, or another content, as its sender does."""
        body = json.dumps(content or self.content).encode()
        url = to or f"{self.receiver.origin}/inbox"
        return sign(await self.sender.identity(), url, body)

    async def signed_by_hand(
        self, covered: str = COVERED, key: Ed25519PrivateKey | None = None, **params: str
    ) -> Letter:
        """Sign it as nobody of ours does: the coverage and the parameters are the test's."""
        letter = await self.letter()
        signer = (await self.sender.identity()).signer
        now = int(clock.now().timestamp())
        written = {
            "created": str(now),
            "keyid": f'"{signer.key_id}"',
            "alg": '"ed25519"',
            "expires": str(now + 300),
            "nonce": f'"{public_id()}"',
            "tag": '"ma-fed"',
            **params,
        }
        ends = "".join(f";{name}={value}" for name, value in written.items() if value)
        made = f"sig1=({covered}){ends}"
        base = oracle.signature_base(
            made, "sig1", list(letter.headers.items()), method="POST", url=letter.url
        )
        raw = (key or signer.private_key).sign(base.encode())
        signature = f"sig1=:{base64.b64encode(raw).decode()}:"
        headers = {**letter.headers, "Signature-Input": made, "Signature": signature}
        return replace(letter, headers=headers)


Kind = Callable[[Pair], Awaitable[Good]]
Mutate = Callable[[Good, Letter], Awaitable[Letter]]


async def last_said(instance: Instance, kind: str) -> Json:
    """Return the newest message of a kind that an instance has written."""
    await instance.write_mail()
    async with instance.runtime.sessions() as session:
        newest = select(FederationEvent.body).order_by(col(FederationEvent.id).desc())
        bodies = (await session.exec(newest)).all()
    return next(said for said in map(json.loads, bodies) if kind_of(said) == kind)


def kind_of(said: Json) -> str:
    """Name a message by its type and its object's."""
    about = said["object"]
    return f"{said['type']} {about['type']}" if isinstance(about, dict) else str(said["type"])


async def new_need(pair: Pair) -> Good:
    owner = await pair.north.sign_up("asker")
    organisation = await pair.north.organisation(owner, "Forn Nou")
    await pair.north.open_need(owner, organisation, audience="public")
    return Good(pair.north, pair.south, await last_said(pair.north, "Create Proposal"))


async def withdrawn_need(pair: Pair) -> Good:
    helped = await helping(pair)
    await helped.owner.move(f"/needs/{helped.need['id']}", "withdrawn", "solved")
    return Good(pair.north, pair.south, await last_said(pair.north, "Delete Tombstone"))


async def offer_to_help(pair: Pair) -> Good:
    helped = await helping(pair)
    await helped.apply(note="I can do this")
    return Good(pair.south, pair.north, await last_said(pair.south, "Offer Agreement"))


async def acceptance(pair: Pair) -> Good:
    helped = await helping(pair)
    await helped.apply()
    await pair.work()
    claim = await helped.guest_claim()
    await helped.owner.move(f"/claims/{claim['id']}", "accepted")
    return Good(pair.north, pair.south, await last_said(pair.north, "Accept"))


async def work_report(pair: Pair) -> Good:
    helped = await helping(pair)
    here, _ = await helped.accepted()
    await helped.log(here)
    return Good(pair.south, pair.north, await last_said(pair.south, "Update Document"))


KINDS: dict[str, Kind] = {
    "a new need": new_need,
    "a need taken back": withdrawn_need,
    "an offer to help": offer_to_help,
    "an acceptance": acceptance,
    "a work report": work_report,
}


def altered(change: Callable[[Letter], Letter]) -> Mutate:
    """Change the good letter after it was signed."""

    async def mutate(_: Good, letter: Letter) -> Letter:
        return change(letter)

    return mutate


def header(name: str, change: Callable[[str], str | None]) -> Mutate:
    """Change, add or remove one header."""

    def alter(letter: Letter) -> Letter:
        headers = dict(letter.headers)
        value = change(headers.pop(name, ""))
        return replace(letter, headers=headers if value is None else {**headers, name: value})

    return altered(alter)


def swapped(name: str, old: str, new: str) -> Mutate:
    """Replace a piece of a header, which must be there."""

    def swap(value: str) -> str:
        assert old in value, (name, old, value)
        return value.replace(old, new, 1)

    return header(name, swap)


def later(name: str, seconds: int) -> Mutate:
    """Move a time that the signature names of itself."""

    def move(line: str) -> str:
        found = re.search(rf";{name}=(\d+)", line)
        assert found is not None
        return line.replace(found[0], f";{name}={int(found[1]) + seconds}", 1)

    return header("Signature-Input", move)


def by_hand(covered: str = COVERED, **params: str) -> Mutate:
    """Sign it well, but for another coverage or with other parameters."""

    async def mutate(good: Good, _: Letter) -> Letter:
        return await good.signed_by_hand(covered, None, **params)

    return mutate


def said(change: Callable[[Good, Json], Any]) -> Mutate:
    """Let its sender say, well signed, what it must not say."""

    async def mutate(good: Good, _: Letter) -> Letter:
        content: Json = json.loads(json.dumps(good.content))
        change(good, content)
        assert content != good.content
        return await good.letter(content)

    return mutate


def flipped(signature: str) -> str:
    raw = bytearray(base64.b64decode(signature.removeprefix("sig1=:").rstrip(":")))
    raw[7] ^= 1
    return f"sig1=:{base64.b64encode(bytes(raw)).decode()}:"


def digested(letter: Letter) -> Letter:
    """Change the body and its digest, so that only the signature tells."""
    body = letter.body.replace(b'"published"', b'"updated" ', 1)
    assert body != letter.body
    headers = {**letter.headers, "Content-Digest": oracle.content_digest(body)}
    return replace(letter, headers=headers, body=body)


def moved(**by: int) -> Mutate:
    async def mutate(good: Good, _: Letter) -> Letter:
        with clock.moved(timedelta(**by)):
            return await good.letter()

    return mutate


async def for_an_hour(good: Good, _: Letter) -> Letter:
    return await good.signed_by_hand(expires=str(int(clock.now().timestamp()) + 3600))


async def forged(good: Good, _: Letter) -> Letter:
    return await good.signed_by_hand(key=Ed25519PrivateKey.generate())


async def of_a_stranger(good: Good, _: Letter) -> Letter:
    key = Ed25519PrivateKey.generate()
    return await good.signed_by_hand(key=key, keyid=f'"{ELSEWHERE}/actor#ed25519-key"')


async def for_another(good: Good, _: Letter) -> Letter:
    """A letter to somebody else, brought to us by whoever read it."""
    letter = await good.letter(to=f"{ELSEWHERE}/inbox")
    return replace(letter, url=f"{good.receiver.origin}/inbox")


async def by_the_receiver(good: Good, _: Letter) -> Letter:
    """The receiver's own name on somebody else's word."""
    own = (await good.receiver.identity()).signer.key_id
    return await good.signed_by_hand(keyid=f'"{own}"')


def elsewhere(good: Good, address: str) -> str:
    return address.replace(good.sender.origin, ELSEWHERE)


def twice(body: bytes) -> bytes:
    return body.replace(b'"type"', b'"type": "Announce", "type"', 1)


def move_object(good: Good, content: Json) -> None:
    """Speak of something on a third instance: the thing itself, or who or what it is about."""
    content["object"] = json.loads(
        json.dumps(content["object"])
        .replace(good.sender.origin, ELSEWHERE)
        .replace(good.receiver.origin, ELSEWHERE)
    )


async def two_types(good: Good, letter: Letter) -> Letter:
    return sign(await good.sender.identity(), letter.url, twice(letter.body))


MUTATIONS: dict[str, Mutate] = {
    # The body and what stands for it.
    "a letter changed": altered(
        lambda m: replace(m, body=m.body.replace(b'"published"', b'"publishes"', 1))
    ),
    "a space more": altered(lambda m: replace(m, body=m.body + b" ")),
    "the body spelled anew": altered(
        lambda m: replace(m, body=json.dumps(json.loads(m.body), sort_keys=True, indent=1).encode())
    ),
    "the body and its digest changed": altered(digested),
    "the digest of something else": header(
        "Content-Digest", lambda _: oracle.content_digest(b"something else")
    ),
    "no digest": header("Content-Digest", lambda _: None),
    "another digest's name": swapped("Content-Digest", "sha-256", "sha-512"),
    # Headers and address.
    "another media type of ours": header("Content-Type", lambda _: "application/ld+json"),
    "another media type": header("Content-Type", lambda _: "application/json"),
    "a number that was not signed": header("Ma-Seq", lambda _: '5;epoch="e-0123456789ab"'),
    "another host": header("Host", lambda _: "east.example"),
    "the host in capitals": header("Host", lambda _: "LOCALHOST"),
    "a query": altered(lambda m: replace(m, url=m.url + "?again=1")),
    "said to be compressed": header("Content-Encoding", lambda _: "gzip"),
    # The signature and what it says of itself.
    "no signature": header("Signature", lambda _: None),
    "no signature input": header("Signature-Input", lambda _: None),
    "one bit of the signature": header("Signature", flipped),
    "half the signature": header("Signature", lambda value: value[:40] + ":"),
    "an empty signature": header("Signature", lambda _: "sig1=::"),
    "another label": header("Signature", lambda value: value.replace("sig1", "sig2", 1)),
    "the signature twice": header("Signature-Input", lambda value: f"{value}, {value}"),
    "another moment": later("created", 1),
    "a later end": later("expires", 60),
    "another nonce": swapped("Signature-Input", ';nonce="', ';nonce="a'),
    "another key": swapped("Signature-Input", "/actor#", "/actor#other-"),
    "another algorithm": swapped("Signature-Input", "ed25519", "rsa-v1_5-sha256"),
    "another tag": swapped("Signature-Input", "ma-fed", "ma-fee"),
    "the digest not covered": swapped("Signature-Input", ' "content-digest"', ""),
    "more covered than signed": swapped("Signature-Input", '"@method"', '"@method" "host"'),
    # Well signed, and still not what the profile asks for.
    "signed without the digest": by_hand('"@method" "@target-uri" "content-type"'),
    "signed without the address": by_hand('"@method" "content-type" "content-digest"'),
    "signed for the host alone": by_hand(
        '"@method" "@authority" "@path" "content-type" "content-digest"'
    ),
    "signed without an end": by_hand(expires=""),
    "signed without a nonce": by_hand(nonce=""),
    "signed without an algorithm": by_hand(alg=""),
    "signed for another purpose": by_hand(tag='"public"'),
    "signed for an hour": for_an_hour,
    "signed ten minutes ago": moved(minutes=-10),
    "signed in ten minutes": moved(minutes=10),
    "signed for another instance": for_another,
    "signed with a key of one's own": forged,
    "signed by a stranger": of_a_stranger,
    "signed in the receiver's name": by_the_receiver,
    # Well signed by its sender, who must not say it.
    "another actor": said(lambda good, m: m.update(actor=f"{ELSEWHERE}/actor")),
    "another actor of its own": said(lambda good, m: m.update(actor=m["actor"] + "s")),
    "the receiver as actor": said(lambda good, m: m.update(actor=f"{good.receiver.origin}/actor")),
    "an id of another origin": said(lambda good, m: m.update(id=elsewhere(good, m["id"]))),
    "no id": said(lambda good, m: m.pop("id")),
    "another context": said(lambda good, m: m["@context"].append("https://east.example/terms")),
    "a context less": said(lambda good, m: m.update({"@context": m["@context"][0]})),
    "a term that restructures": said(lambda good, m: m.update({"@graph": [m["object"]]})),
    "another type": said(lambda good, m: m.update(type="Announce")),
    "its object in a list": said(lambda good, m: m.update(object=[m["object"]])),
    "its object of another origin": said(move_object),
    "addressed to nobody": said(lambda good, m: m.pop("to")),
    "two types": two_types,
}  # fmt: skip


async def everything(instance: Instance) -> dict[str, str]:
    """Return a checksum of each table."""
    async with instance.runtime.sessions() as session:
        names = [name for (name,) in (await session.execute(text(TABLES))).all()]
        sums = " UNION ALL ".join(SUM.format(name) for name in names if name not in NOTED)
        return {str(row[0]): str(row[1]) for row in await session.execute(text(sums))}


async def copies(instance: Instance, activity_id: str) -> list[IncomingState]:
    """Return how far each copy of a message has come, once the receiver has done its work."""
    await instance.work()
    async with instance.runtime.sessions() as session:
        statement = select(IncomingMessage.state).where(IncomingMessage.activity_id == activity_id)
        return [IncomingState(state) for state in (await session.exec(statement)).all()]


def test_there_are_more_than_thirty() -> None:
    assert len(MUTATIONS) >= 30
    assert len(KINDS) >= 5


@pytest.mark.parametrize("kind", KINDS)
async def test_only_the_good_message_is_accepted_and_once(old_friends: Pair, kind: str) -> None:
    good = await KINDS[kind](old_friends)
    letter = await good.letter()
    before = await everything(good.receiver)
    for name, mutate in MUTATIONS.items():
        changed = await mutate(good, letter)
        assert changed != letter, name
        answer = await send(changed)
        assert 400 <= answer.status_code < 500, (name, answer.status_code, answer.text)
    after = await everything(good.receiver)
    assert {table for table in after if after[table] != before[table]} == set()

    assert (await send(letter)).status_code == 202
    assert await copies(good.receiver, good.content["id"]) == [IncomingState.APPLIED]
    settled = await everything(good.receiver)
    assert (await send(letter)).status_code == 401  # the very same request, replayed
    assert await everything(good.receiver) == settled
    # Signed anew, as by a sender that never had our answer: known, and without another effect.
    assert (await send(await good.letter())).status_code == 202
    assert len(await copies(good.receiver, good.content["id"])) == 1
    again = await everything(good.receiver)
    assert {table for table in again if again[table] != settled[table]} <= REPEATED
    await old_friends.work()
