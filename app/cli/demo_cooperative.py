"""The demo's co-operative: worker-owners who closed two periods of their book by their own rules.

A period takes a month and more to close: objections are heard for thirty days. So what people did
then is done by the same verbs as behind the pages, on the clock of those days, in one transaction:
the instance, which runs meanwhile on the clock of today, sees nothing half done.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.cli import demo_world as world
from app.cli.demo_people import Json, hold
from app.cli.demo_story import Story
from app.infra import clock

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from app.domain.access import Actor

# The last day of the second period lies so far back that everything about it is over.
CLOSED_DAYS = 40
# Days after a period's end: slips are written, it is frozen, two sign.
SLIPS, FREEZE, SIGN = timedelta(days=2), timedelta(days=5), timedelta(days=36)
BEFORE = timedelta(days=10)
EVERY = timedelta(days=14)
NOON = time(12, tzinfo=UTC)
MONTHS_A_PERIOD = 3


@dataclass(frozen=True)
class Stretch:
    """A period: which, its days, and what was earned or lost in minor units."""

    number: int
    starts_on: date
    ends_on: date
    surplus: int


@dataclass(frozen=True)
class People:
    """Who acts, by handle; the owner writes the others' slips, a worker-owner the owner's."""

    actors: Mapping[str, "Actor"]

    @property
    def owner(self) -> "Actor":
        """Who founded the organisation."""
        return self.actors[world.OWNER]

    @property
    def signers(self) -> Sequence["Actor"]:
        """The two who sign."""
        return [self.actors[name] for name in (world.WORKER_OWNER, world.THIRD_OWNER)]


async def close_two_periods(story: Story) -> None:
    """Found a co-operative, let it close two periods, and read what its people got."""
    from app.infra.database import transaction

    owner, steward = story.people[world.OWNER], story.people[world.STEWARD_NORTH]
    made = await owner.post("/organisations", dict(world.COOPERATIVE))
    path = f"/organisations/{made['id']}"
    decision = {"to": "accepted", "reason": "we know them", "vouch": True}
    organisation = await steward.post(f"{path}/transitions", decision, expect=200)
    await story.person(world.THIRD_OWNER).sign_up("ca")
    for handle in (world.WORKER_OWNER, world.THIRD_OWNER):
        body = {"handle": handle, "role": "member", "worker_owner": True}
        await owner.post(f"{path}/members", body)
    people = People({name: await _actor(story, name) for name in world.WORKERS})
    runtime = story.instances.north.runtime()
    try:
        async with transaction(runtime.sessions) as session:
            await _live(session, people, UUID(organisation["id"]))
    finally:
        await runtime.close()
    await _read(story, organisation)


async def _actor(story: Story, handle: str) -> "Actor":
    from app.domain.access import Actor

    me = await story.people[handle].get("/me")
    return Actor(account_id=UUID(me["account"]["id"]), handle=handle)


def stretches(today: date) -> list[Stretch]:
    """Return the two periods: three months each, the second one closed by now."""
    last = (today - timedelta(days=CLOSED_DAYS)).replace(day=1)
    second, first = _months_before(last, MONTHS_A_PERIOD), _months_before(last, 2 * MONTHS_A_PERIOD)
    day = timedelta(days=1)
    surplus, loss = world.RESULTS
    return [Stretch(0, first, second - day, surplus), Stretch(1, second, last - day, loss)]


def _months_before(first: date, months: int) -> date:
    index = first.year * 12 + first.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)


@contextmanager
def _on(day: date) -> Iterator[None]:
    with clock.frozen(datetime.combine(day, NOON)):
        yield


async def _live(session: "AsyncSession", people: People, organisation_id: UUID) -> None:
    """Do what these people did, day by day."""
    from app.domain.governance.statuses import name_founders
    from app.domain.ledger.keeping import start_ownership

    periods = stretches(clock.today())
    began = periods[0].starts_on - BEFORE
    with _on(began):
        book = await start_ownership(session, people.owner, organisation_id, "EUR")
        founders = [actor.signed_in() for actor in people.actors.values()]
        await name_founders(session, people.owner, book.id, founders, began)
        await _adopt(session, people, book.id, periods[0].starts_on)
    for stretch in periods:
        await _close(session, people, book.id, stretch)


async def _adopt(session: "AsyncSession", people: People, book_id: UUID, since: date) -> None:
    """Let the worker-owners vote about their first rules."""
    from app.domain.governance.actions import Motion, cast_vote, open_decision
    from app.domain.governance.proposals import Proposal
    from app.domain.policies.actions import DraftFields, write_draft
    from app.models.governance import DecisionSubject, VoteChoice

    first = people.signers[0]
    said = {**world.COOPERATIVE_RULES, "valid_from": since}
    draft = await write_draft(session, first, book_id, DraftFields.model_validate(said))
    motion = Motion(Proposal(DecisionSubject.POLICY, draft.id), days=7)
    decision = await open_decision(session, first, book_id, motion)
    for actor in people.signers:  # with two of three nothing can change any more
        await cast_vote(session, actor, decision.id, VoteChoice.YES)


async def _close(session: "AsyncSession", people: People, book_id: UUID, stretch: Stretch) -> None:
    """Write what was worked, freeze, draw up, sign twice and lock."""
    from app.domain.periods import actions, drafting, sealing
    from app.domain.periods.actions import PeriodChanges, PeriodFields

    first, second = people.signers
    with _on(stretch.ends_on + SLIPS):
        await _write_slips(session, people, book_id, stretch)
        days = PeriodFields(starts_on=stretch.starts_on, ends_on=stretch.ends_on)
        period = await actions.open_period(session, first, book_id, days)
        changes = PeriodChanges(surplus=stretch.surplus)
        await actions.change_period(session, first, period.id, changes, period.version)
    with _on(stretch.ends_on + FREEZE):
        await actions.freeze_period(session, first, period.id, period.version, acknowledged=False)
        while await drafting.draw_step(session, period.id) is not None:
            await session.flush()
    with _on(stretch.ends_on + SIGN):
        for signer in (first, second):
            await actions.sign_period(session, signer, period.id, period.outcome_hash or b"")
        await sealing.lock_signed(session, period.id)
        await session.flush()


async def _write_slips(
    session: "AsyncSession", people: People, book_id: UUID, stretch: Stretch
) -> None:
    """Enter everybody's slips; nobody writes their own."""
    from app.domain.ledger.slips import write_slips
    from app.models.ledger import SlipFields, WorkStream

    slips: dict[str, list[Any]] = {world.OWNER: [], world.WORKER_OWNER: []}
    for name, (minutes, stream) in world.WORKERS.items():
        recorder = world.WORKER_OWNER if name == world.OWNER else world.OWNER
        slips[recorder] += [
            SlipFields(
                worker=name,
                worked_on=stretch.starts_on + EVERY * turn,
                minutes=minutes[stretch.number] + 15 * turn,
                stream=WorkStream(stream),
            )
            for turn in range(6)
        ]
    for recorder, written in slips.items():
        await write_slips(session, people.actors[recorder], book_id, written)


async def _read(story: Story, organisation: Json) -> None:
    """Look at both periods as their people do."""
    partner = story.people[world.WORKER_OWNER]
    books = (await partner.get("/books"))["items"]
    book = next(one for one in books if one["organisation"]["id"] == organisation["id"])
    periods = (await partner.get(f"/books/{book['id']}/periods"))["items"]
    hold(
        [period["state"] for period in periods] == ["locked", "locked"],
        "two periods are not closed",
    )
    for period in reversed(periods):
        said = await partner.get(f"/periods/{period['id']}/statement")
        shared = sum(part["amount"] for part in said["parts"])
        steps = {step["name"]: step for step in said["net_worth"]}
        changed = steps["closing"]["after"] - steps["opening"]["after"]
        hold(changed == period["surplus"], "a period did not move what it earned or lost")
        parts = ", ".join(f"{p['name']} {p['amount'] / 100:+.2f}" for p in said["parts"])
        story.say(
            f"{period['starts_on']} to {period['ends_on']}: {period['surplus'] / 100:+.2f} EUR, "
            f"of it {shared / 100:+.2f} on the members' accounts ({parts})."
        )
    story.report["periods_closed"] = len(periods)
    story.say(
        f"{world.WORKER_OWNER} and {world.THIRD_OWNER} signed both; “{organisation['name']}” "
        f"keeps its book at {story.instances.north.origin}/books/{book['id']}."
    )
