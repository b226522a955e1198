"""Somebody of the fediverse follows our instance: Fedify, live, with its own signatures."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from sqlmodel import func, select

from app.federation.public import receiving, strangers
from app.models.followers import Follower
from tests.factories.instances import Letter
from tests.factories.world import Json, Person
from tests.interop.conftest import Meeting

CONTEXT = "https://www.w3.org/ns/activitystreams"
CAVAGE, RFC9421 = "draft-cavage-http-signatures-12", "rfc9421"
THREE_HOURS = int(timedelta(hours=3).total_seconds())
NUMBERS = count(1)


def activity(meeting: Meeting, kind: str, about: object, **changes: object) -> Json:
    """Return what Ana says."""
    return {
        "@context": CONTEXT,
        "id": f"{meeting.theirs['origin']}/activities/{next(NUMBERS)}",
        "type": kind,
        "actor": meeting.theirs["actor"],
        "object": about,
        **changes,
    }


def follow(meeting: Meeting, **changes: object) -> Json:
    return activity(meeting, "Follow", f"{meeting.ours.origin}/actor", **changes)


async def followers(meeting: Meeting) -> int:
    async with meeting.ours.runtime.sessions() as session:
        return (await session.exec(select(func.count()).select_from(Follower))).one()


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one server ask for more than a minute's worth: these tests have no minutes."""
    monkeypatch.setattr(strangers, "FETCHES_AN_ORIGIN", 1_000)
    monkeypatch.setattr(strangers, "FETCHES_A_MINUTE", 1_000)
    monkeypatch.setattr(strangers, "FETCH_AGAIN_AFTER", timedelta(0))
    monkeypatch.setattr(receiving, "REQUESTS_OF_STRANGERS", 1_000)


@pytest.fixture(scope="module")
async def owner(meeting: Meeting) -> Person:
    """Somebody who asks for help."""
    return await meeting.ours.sign_up("asker")


@pytest.fixture(scope="module")
async def organisation(meeting: Meeting, owner: Person) -> Json:
    """Whom it is for."""
    return await meeting.ours.organisation(owner)


@pytest.fixture
async def nobody_follows(meeting: Meeting) -> AsyncIterator[None]:
    """Leave no follower behind."""
    await meeting.arrived()
    yield
    undo = activity(meeting, "Undo", follow(meeting))
    await meeting.send(await meeting.sign(undo, RFC9421))


@pytest.mark.usefixtures("nobody_follows")
async def test_ana_follows_hears_of_a_need_to_its_end_and_follows_no_more(
    meeting: Meeting, owner: Person, organisation: Json
) -> None:
    said = follow(meeting)
    await meeting.say(said)
    await meeting.ours.work()
    (accept,) = await meeting.arrived()
    assert (accept["type"], accept["actorId"]) == ("Accept", f"{meeting.ours.origin}/actor")
    assert accept["objectId"] == said["id"]

    title = "Two people to lift a <piano>"
    need = await meeting.ours.open_need(owner, organisation, audience="public", title=title)
    await meeting.ours.work()
    (create,) = await meeting.arrived()
    url, note = f"{meeting.ours.origin}/needs/{need['id']}", create["object"]
    assert (create["type"], note["type"]) == ("Create", "Note")
    assert (note["id"], note["url"]) == (f"{url}/note", url)
    assert note["attributionId"] == f"{meeting.ours.origin}/actor"
    assert "Two people to lift a &lt;piano&gt;" in note["content"]
    assert note["toIds"] == [f"{CONTEXT}#Public"]
    assert (await meeting.lookup(f"{url}/note"))["content"] == note["content"]

    path = f"/needs/{need['id']}"
    await owner.change(path, {"title": "Three people to lift it"}, need["version"])
    await meeting.ours.work()
    (update,) = await meeting.arrived()
    assert (update["type"], update["object"]["id"]) == ("Update", f"{url}/note")
    assert "Three people to lift it" in update["object"]["content"]

    await owner.move(path, "withdrawn", "solved")
    await meeting.ours.work()
    (deletion,) = await meeting.arrived()
    assert (deletion["type"], deletion["object"]["type"]) == ("Delete", "Tombstone")
    assert deletion["object"]["id"] == f"{url}/note"

    assert await followers(meeting) == 1
    await meeting.say(activity(meeting, "Undo", said))
    assert await followers(meeting) == 0
    await meeting.ours.open_need(owner, organisation, audience="public", title="Unheard of")
    await meeting.ours.work()
    assert await meeting.arrived() == []


@pytest.mark.usefixtures("nobody_follows")
@pytest.mark.parametrize("spec", [RFC9421, CAVAGE])
async def test_both_ways_of_signing_are_understood_and_one_follow_counts_once(
    meeting: Meeting, spec: str
) -> None:
    said = follow(meeting)
    for _ in range(2):
        answer = await meeting.send(await meeting.sign(said, spec))
        assert answer.status_code == 202, answer.text
    assert await followers(meeting) == 1


def without(letter: Letter, *names: str) -> Letter:
    kept = {name: value for name, value in letter.headers.items() if name.lower() not in names}
    assert len(kept) < len(letter.headers)
    return replace(letter, headers=kept)


async def altered(meeting: Meeting, spec: str) -> Letter:
    letter = await meeting.sign(follow(meeting), spec)
    return replace(letter, body=letter.body.replace(b"Follow", b"Undo  "))


async def elsewhere(meeting: Meeting, spec: str) -> Letter:
    """Sign for another path; what only differs in its query, older software signs alike."""
    letter = await meeting.sign(follow(meeting), spec, "/outbox")
    return replace(letter, url=letter.url.replace("/outbox", "/inbox"))


async def unsigned(meeting: Meeting, spec: str) -> Letter:
    names = ("signature", "signature-input") if spec == RFC9421 else ("signature",)
    return without(await meeting.sign(follow(meeting), spec), *names)


async def without_digest(meeting: Meeting, spec: str) -> Letter:
    letter = await meeting.sign(follow(meeting), spec)
    return without(letter, "content-digest" if spec == RFC9421 else "digest")


async def early(meeting: Meeting, spec: str) -> Letter:
    return await meeting.sign(follow(meeting), spec, seconds=THREE_HOURS)


async def late(meeting: Meeting, spec: str) -> Letter:
    return await meeting.sign(follow(meeting), spec, seconds=-THREE_HOURS)


async def of_another(meeting: Meeting, spec: str) -> Letter:
    actor = f"{meeting.theirs['origin']}/users/ben"
    return await meeting.sign(follow(meeting, actor=actor), spec)


async def with_our_key(meeting: Meeting, spec: str) -> Letter:
    key = f"{meeting.ours.origin}/actor#main-key"
    return await meeting.sign(follow(meeting), spec, key=key)


REFUSED: dict[str, Callable[[Meeting, str], Awaitable[Letter]]] = {
    "an altered body": altered,
    "for another address": elsewhere,
    "unsigned": unsigned,
    "without its digest": without_digest,
    "three hours early": early,
    "three hours late": late,
    "of somebody else": of_another,
    "with a key that is ours": with_our_key,
}


@pytest.mark.parametrize("spec", [RFC9421, CAVAGE])
@pytest.mark.parametrize("name", REFUSED)
async def test_what_does_not_hold_is_refused(meeting: Meeting, name: str, spec: str) -> None:
    before = await followers(meeting)
    answer = await meeting.send(await REFUSED[name](meeting, spec))
    assert answer.status_code == 401, answer.text
    assert await followers(meeting) == before
