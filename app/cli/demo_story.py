"""The demo's story: the main job from end to end, told step by step and checked at each."""

import asyncio
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from hashlib import sha256

import httpx

from app.cli import demo_world as world
from app.cli.demo_instances import TwoInstances
from app.cli.demo_people import Json, Person, StepError, hold, place_of
from app.cli.demo_tap import Captured
from app.infra import clock, keys

ACTIVITY_JSON = "application/activity+json"
POLL_SECONDS = 0.25
IMPORT_SECONDS_MAX = 300.0
ARRIVAL_SECONDS_MAX = 300.0
MINUTES = sum(minutes for minutes, _ in world.WORK_LOGS)

# What is told and how far it is: (sentence, done, total); a total of 0 is a sentence alone.
Teller = Callable[[str, int, int], None]


@dataclass
class Story:
    """The people, what they have made so far, and what the last line of the demo reports."""

    instances: TwoInstances
    tell: Teller
    report: Json = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    organisation: Json = field(default_factory=dict)
    need: Json = field(default_factory=dict)
    later: Json = field(default_factory=dict)
    claim: Json = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)

    def say(self, sentence: str) -> None:
        """Tell one thing that happened."""
        self.tell(sentence, 0, 0)

    def person(self, handle: str, *, at_south: bool = False) -> Person:
        """Return somebody new, with a browser open at their instance."""
        where = self.instances.south if at_south else self.instances.north
        self.people[handle] = Person(where.origin, handle)
        return self.people[handle]

    async def close(self) -> None:
        """Let everybody close their browser."""
        async with AsyncExitStack() as stack:
            for person in self.people.values():
                stack.push_async_callback(person.close)


async def set_up(story: Story) -> None:
    """Each instance gets its first steward, by the one-time link in its log."""
    for handle, instance, language, at_south in (
        (world.STEWARD_NORTH, story.instances.north, "ca", False),
        (world.STEWARD_SOUTH, story.instances.south, "el", True),
    ):
        steward = story.person(handle, at_south=at_south)
        await steward.set_up(instance.setup_token(), instance.name, language)
        about = await steward.get("/instance")
        hold(about["name"] == instance.name and not about["needs_setup"], "set-up did not hold")
        story.say(f"{handle} opened the link in the log and is steward of {instance.name}.")


async def import_needs(story: Story, name: str, raw: bytes) -> None:
    """The steward of north hands in the whole file; a worker takes it in."""
    steward = story.people[world.STEWARD_NORTH]
    job = await steward.send_file("/imports", name, raw)
    deadline = time.monotonic() + IMPORT_SECONDS_MAX
    while job["state"] in {"queued", "running"}:
        hold(time.monotonic() < deadline, "the import did not end")
        await asyncio.sleep(POLL_SECONDS)
        job = await steward.get(f"/jobs/{job['id']}")
        story.tell("importing", job["done"], job["total"] or 1)
    first = "; ".join(f"line {w['line']}: {w['message']}" for w in job["warnings"][:3])
    hold(job["state"] == "done", f"the import failed: {job['result']} {first}")
    story.report["needs_imported"] = job["result"]["create"]
    needs = await steward.all_needs(state="any")
    origin = story.instances.north.origin
    story.imported = {f"{origin}/needs/{need['id']}" for need in needs}
    hold(len(story.imported) == job["result"]["total"], "not every row became a need")
    unmatched = sum(need["skills_unknown"] for need in needs)
    story.say(
        f"{len(needs)} needs came in; the tags of {len(needs) - unmatched} named known skills, "
        "all other tags stay as they were written."
    )


async def post(story: Story) -> None:
    """An organisation is proposed, accepted, and asks for what it needs."""
    owner, steward = story.person(world.OWNER), story.people[world.STEWARD_NORTH]
    await owner.sign_up("ca")
    made = await owner.post("/organisations", dict(world.ROASTERS))
    path = f"/organisations/{made['id']}"
    decision = {"to": "accepted", "reason": "we know them", "vouch": True}
    story.organisation = await steward.post(f"{path}/transitions", decision, expect=200)
    partner = story.person(world.WORKER_OWNER)
    await partner.sign_up("ca")
    member = {"handle": world.WORKER_OWNER, "role": "member", "worker_owner": True}
    await owner.post(f"{path}/members", member)
    story.say(f"{world.OWNER} proposed “{made['name']}”; {world.STEWARD_NORTH} accepted it.")
    story.need = await _open(owner, story.organisation, world.STORY_NEED)
    story.say(f"{world.OWNER} posted “{story.need['title']}”.")


async def _open(owner: Person, organisation: Json, said: Json) -> Json:
    draft = await owner.post("/needs", {"organisation_id": organisation["id"], **said})
    path = f"/needs/{draft['id']}"
    await owner.move(path, "review")
    opened = await owner.move(path, "open")
    hold(opened["state"] == "open", "the need is not open")
    return opened


async def match(story: Story) -> None:
    """A volunteer says what they can do and is told what fits, and why."""
    volunteer = story.person(world.VOLUNTEER)
    await volunteer.sign_up("en")
    await volunteer.put("/me/profile", world.PROFILE)
    matches = (await volunteer.get("/me/matches", limit=100))["items"]
    found = [match for match in matches if match["need"]["id"] == story.need["id"]]
    hold(found, "the need was not among the volunteer's matches")
    reasons = "; ".join(reason["text"] for reason in found[0]["reasons"])
    story.say(f"{world.VOLUNTEER} was shown it, because: {reasons}.")


async def work(story: Story) -> None:
    """Claim, accept, log, submit: two people and a need between them."""
    volunteer, owner = story.people[world.VOLUNTEER], story.people[world.OWNER]
    note = {"note": "I have cleaned four of these. Shall I start tonight?"}
    claim = await volunteer.post(f"/needs/{story.need['id']}/claims", note)
    path = f"/claims/{claim['id']}"
    hold(claim["state"] == "applied", "the claim did not begin as an application")
    await owner.move(path, "accepted")
    story.say(f"{world.VOLUNTEER} offered to do it; {world.OWNER} said yes.")
    for minutes, what in world.WORK_LOGS:
        log = {"worked_on": clock.today().isoformat(), "minutes": minutes, "note": what}
        await volunteer.post(f"{path}/work-logs", log)
    story.claim = await volunteer.move(path, "submitted")
    hold(story.claim["minutes_logged"] == MINUTES, "the logged minutes do not add up")
    story.say(f"{world.VOLUNTEER} logged {MINUTES} minutes and handed the work in.")


async def confirm(story: Story) -> None:
    """The organisation confirms; claim, need and ledger move together."""
    owner = story.people[world.OWNER]
    body = {"minutes": MINUTES, "stream": "gift"}
    confirmed = await owner.post(f"/claims/{story.claim['id']}/confirmation", body)
    story.claim = confirmed["claim"]
    story.report["claim_state"] = story.claim["state"]
    hold(story.claim["state"] == "confirmed", "the claim is not confirmed")
    story.say(f"{world.OWNER} confirmed {MINUTES} minutes.")
    path = f"/needs/{story.need['id']}/closing"
    story.need = await owner.post(path, world.CLOSING, expect=httpx.codes.OK)
    hold(story.need["state"] == "done", "the need is not done")
    story.say("Keys, domains and backups changed hands; the need is done.")


async def ledger(story: Story) -> None:
    """The worker sees the contribution, a worker-owner the book, and it balances."""
    mine = await story.people[world.VOLUNTEER].get("/me/contributions")
    story.report["contribution_minutes"] = mine["total_minutes"]
    hold(mine["total_minutes"] == MINUTES, "the contribution is not what was confirmed")
    partner = story.people[world.WORKER_OWNER]
    books = (await partner.get("/books"))["items"]
    hold(len(books) == 1, "the worker-owner does not see the book")
    book = await partner.get(f"/books/{books[0]['id']}")
    story.report["ledger_sum"] = sum(book["sums"].values())
    balanced = book["sums"] and not any(book["sums"].values())
    hold(balanced and book["total_minutes"] == MINUTES, "the book does not balance")
    share = book["workers"][0]["share_percent"]
    story.say(
        f"{world.WORKER_OWNER} opened the book: {book['entries']} entry, {MINUTES} minutes, "
        f"{world.VOLUNTEER} holds {share} % of the work; all postings sum to 0."
    )


async def publish(story: Story) -> None:
    """Two stewards shake hands; what north has published goes to south."""
    north, south = story.people[world.STEWARD_NORTH], story.people[world.STEWARD_SOUTH]
    await north.post("/peers", {"origin": story.instances.south.origin})
    story.say(f"{world.STEWARD_NORTH} proposed to {story.instances.south.name} to be peers.")
    asked = await _peer_in(south, story.instances.north.origin, "requested")
    own = await _own_fingerprint(story.instances.north.origin)
    hold(asked["fingerprint"] == own, "the fingerprints differ")
    await south.move(f"/peers/{asked['id']}", "active")
    await _peer_in(north, story.instances.south.origin, "active")
    story.say(f"{world.STEWARD_SOUTH} compared the fingerprint ({own[:9]} …) and said yes.")


async def _own_fingerprint(origin: str) -> str:
    """Return the fingerprint of an instance's own key, as its steward would read it out."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.get(f"{origin}/actor", headers={"Accept": ACTIVITY_JSON})
    shown = answer.json()["assertionMethod"][0]["publicKeyMultibase"]
    return keys.fingerprint(keys.decode_multikey(shown))


async def _peer_in(steward: Person, origin: str, state: str) -> Json:
    deadline = time.monotonic() + ARRIVAL_SECONDS_MAX
    while time.monotonic() < deadline:
        peers = (await steward.get("/peers"))["items"]
        found = [peer for peer in peers if peer["origin"] == origin and peer["state"] == state]
        if found:
            return dict(found[0])
        await asyncio.sleep(POLL_SECONDS)
    message = f"{origin} did not become {state}"
    raise StepError(message)


async def receive(story: Story) -> None:
    """South shows everything with its origin, and a new need arrives while we watch."""
    reader = story.person(world.SOUTH_READER, at_south=True)
    await reader.sign_up("el")
    expected = len(story.imported)
    here = await _arrivals(story, reader)
    story.report["needs_on_peer"] = len(story.imported & set(here))
    hold(story.report["needs_on_peer"] == expected, "some needs did not arrive")
    address = f"{story.instances.north.origin}/needs/{story.need['id']}"
    hold(address in here, "the finished need did not arrive")
    hold(here[address]["state"] == "done", "the finished need is not done on the peer")
    story.say(f"{expected} needs arrived at {story.instances.south.name}, each with its origin.")
    owner = story.people[world.OWNER]
    story.later = await _open(owner, story.organisation, world.LATER_NEED)
    shown = await _shown(story, reader)
    story.report["peer_listing_verified"] = _same(story, story.later, shown)
    hold(story.report["peer_listing_verified"], "the listing differs from its origin")
    north, south = story.instances.north.name, story.instances.south.name
    story.say(f"“{story.later['title']}” was posted at {north} and stands so on {south}'s list.")


async def _arrivals(story: Story, reader: Person) -> dict[str, Json]:
    """Wait until nothing is missing; answers what is on the list, by its address."""
    place, expected = place_of(story.instances.north.origin), len(story.imported)
    address = f"{story.instances.north.origin}/needs/{story.need['id']}"
    deadline, count = time.monotonic() + ARRIVAL_SECONDS_MAX, 0
    while time.monotonic() < deadline:
        count = (await reader.get("/instance"))["counts"]["needs_open"]
        story.tell("arriving", min(count, expected), expected)
        if count >= expected:
            needs = await reader.all_needs(instance=place, state="any")
            here = {need["origin"]["url"]: need for need in needs}
            if address in here:  # the finished one is not among the open ones
                return here
        await asyncio.sleep(POLL_SECONDS)
    message = f"only {count} of {expected} needs arrived"
    raise StepError(message)


async def _shown(story: Story, reader: Person) -> Json:
    address = f"{story.instances.north.origin}/needs/{story.later['id']}"
    deadline = time.monotonic() + ARRIVAL_SECONDS_MAX
    while time.monotonic() < deadline:
        found = (await reader.get("/needs", q=story.later["title"]))["items"]
        for need in found:
            if need["origin"] and need["origin"]["url"] == address:
                return dict(need)
        await asyncio.sleep(POLL_SECONDS)
    message = "the new need did not arrive"
    raise StepError(message)


def _same(story: Story, posted: Json, shown: Json) -> bool:
    plain = ("title", "body", "language", "kind", "stream", "estimate_minutes", "skills", "places")
    origin = {
        "instance": place_of(story.instances.north.origin),
        "url": f"{story.instances.north.origin}/needs/{posted['id']}",
    }
    same = all(posted[name] == shown[name] for name in plain)
    return same and shown["origin"] == origin and shown["version"] == posted["version"]


async def tamper(story: Story) -> None:
    """A copy of a signed message, altered on its way, is refused and leaves nothing."""
    title = story.later["title"].encode()
    captured = next((m for m in reversed(story.instances.tap.messages) if title in m.body), None)
    if captured is None:
        message = "no signed message of the new need went over the wire"
        raise StepError(message)
    reader = story.people[world.SOUTH_READER]
    before = await reader.get("/instance")
    forged = captured.body.replace(title, title.swapcase())
    refusals = [
        await _send_copy(story, captured, forged, digest=None),
        await _send_copy(story, captured, forged, digest=forged),
    ]
    after = await reader.get("/instance")
    again = await _shown(story, reader)
    nothing = before["counts"] == after["counts"] and again["title"] == story.later["title"]
    refused = all(answer.status_code == httpx.codes.UNAUTHORIZED for answer in refusals)
    problems = all("problem+json" in a.headers.get("content-type", "") for a in refusals)
    story.report["tampered_refused"] = refused and problems and nothing
    told = refusals[0].text[:300]
    hold(story.report["tampered_refused"], f"a tampered copy was not refused as it should: {told}")
    why = " / ".join(dict.fromkeys(str(a.json().get("detail") or "") for a in refusals))
    story.say(f"A copy with another title was refused twice with 401 ({why}); nothing was stored.")


async def _send_copy(
    story: Story, captured: Captured, body: bytes, *, digest: bytes | None
) -> httpx.Response:
    """Send a captured message again with another body, its digest made to fit or left as it was."""
    headers = [(n, v) for n, v in captured.headers if n.lower() != "content-length"]
    if digest is not None:
        fitting = f"sha-256=:{b64encode(sha256(digest).digest()).decode()}:"
        headers = [(n, fitting if n.lower() == "content-digest" else v) for n, v in headers]
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        address = f"{story.instances.south.origin}{captured.target}"
        return await client.post(address, content=body, headers=headers)
