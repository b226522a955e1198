"""Taking in a whole file of needs: all rows or none, and again without doubling anything.

A need is found again by its organisation and external id. Its row in the file is kept whole as
`source`: while that is the same, nothing changed where the need comes from, and what people
here have made of it since stays.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Denied, Scope, enforce
from app.domain.activity.actions import record
from app.domain.needs import reviewing
from app.domain.needs.actions import PLAIN_FIELDS, add_history, apply_fields, said_of, today_of
from app.domain.needs.import_files import Fault
from app.domain.needs.import_rows import ImportRow, parse_rows
from app.domain.needs.policy import stands_alone
from app.domain.needs.rules import EDITABLE, PUBLISHED, over_days
from app.domain.organisations import actions as organisation_actions
from app.domain.organisations import policy as organisation_policy
from app.domain.organisations import queries as organisations
from app.infra import clock, ids
from app.models.base import one_line
from app.models.imports import ImportChange, ImportRun
from app.models.needs import HarmCheck, Need, NeedFields, NeedState
from app.models.organisations import Organisation

BATCH = 200
TIMEOUT = "120s"
REASON = "import"
# What a steward has read, or is reading now.
READ = PUBLISHED | {NeedState.HELD}

Progress = Callable[[int, int], Awaitable[None]]


@dataclass(frozen=True)
class ImportOrder:
    """A file, and what to do with it."""

    raw: bytes
    organisation_id: UUID | None = None
    dry_run: bool = False
    language: str = "en"
    columns: Mapping[str, str] | None = None
    file_name: str = ""


@dataclass
class ImportOutcome:
    """What became of each row; with faults, nothing was written at all."""

    total: int = 0
    counts: dict[str, int] = field(
        default_factory=lambda: {"create": 0, "update": 0, "unchanged": 0, "skip": 0}
    )
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    run_id: UUID | None = None
    new_organisations: list[UUID] = field(default_factory=list)


async def check_importer(session: AsyncSession, actor: Actor, organisation_id: UUID | None) -> None:
    """Members import for their organisation, stewards and the command line for any."""
    if organisation_id is None:
        actor.require_steward()
        return
    view = await organisations.get_organisation_for(session, actor, organisation_id)
    if actor.system:
        return
    actor.require(Scope.NEEDS_WRITE)
    own = await organisations.membership(session, organisation_id, actor.account_id)
    if own is None and not organisation_policy.acts_as_steward(actor):
        enforce(Denied("membership_required"))
    if own is not None and not organisation_policy.may_post_needs(own, view.organisation):
        enforce(Denied("organisation_not_accepted", conflict=True))


async def import_needs(
    session: AsyncSession, actor: Actor, order: ImportOrder, progress: Progress
) -> ImportOutcome:
    """Take in a file within the caller's transaction, or say what is wrong with its rows."""
    await check_importer(session, actor, order.organisation_id)
    into_one = order.organisation_id is not None
    parsed = await asyncio.to_thread(
        parse_rows,
        order.raw,
        language=order.language,
        into_one=into_one,
        columns=order.columns,
    )
    outcome = ImportOutcome(total=len(parsed.rows), faults=parsed.faults)
    if outcome.faults:
        return outcome
    await progress(0, outcome.total)
    await take_turn(session)
    homes = await _homes(session, actor, parsed.rows, order, outcome)
    if outcome.faults:
        return outcome
    run = None if order.dry_run else await _begin_run(session, actor, order, outcome)
    writer = _Writer(session, actor, run, outcome)
    done = 0
    for batch in _batches(parsed.rows):
        await writer.write([(row, homes[_home_of(row)]) for row in batch])
        done += len(batch)
        await progress(done, outcome.total)
    if run is not None:
        run.counts, outcome.run_id = dict(outcome.counts), run.id
    return outcome


async def _begin_run(
    session: AsyncSession, actor: Actor, order: ImportOrder, outcome: ImportOutcome
) -> ImportRun:
    """Write that an import happens: what it does can be taken back for a week."""
    run = ImportRun(
        id=ids.private_id(),
        account_id=actor.account_id,
        organisation_id=order.organisation_id,
        file_name=one_line(order.file_name)[:200],
        new_organisations=[str(added) for added in outcome.new_organisations],
    )
    session.add(run)
    await session.flush()  # the rows of its changes name it
    return run


async def take_turn(session: AsyncSession) -> None:
    """Let imports follow one another, and give this one more time than a request has."""
    await session.execute(text(f"SET LOCAL statement_timeout = '{TIMEOUT}'"))
    await session.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{TIMEOUT}'"))
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("needs.import"))))


def _home_of(row: ImportRow) -> str:
    return row.organisation.name if row.organisation else ""


async def _homes(
    session: AsyncSession,
    actor: Actor,
    rows: Sequence[ImportRow],
    order: ImportOrder,
    outcome: ImportOutcome,
) -> dict[str, Organisation | None]:
    """Find whose each need is, by name; in a dry run an organisation to come is None."""
    if order.organisation_id is not None:
        own = await organisations.get_organisation(session, order.organisation_id)
        await _refuse_over_days(session, [(row, own) for row in rows], outcome)
        return {"": own}
    described = {row.organisation.name: row.organisation for row in rows if row.organisation}
    found = await organisations.organisations_by_name(session, described)
    for row in rows:
        home = found.get(_home_of(row))
        if home is not None and organisation_policy.is_refused(home):
            outcome.faults.append(row.fault("organisation", "organisation_refused"))
    fresh = [fields for name, fields in described.items() if name not in found]
    homes: dict[str, Organisation | None] = dict.fromkeys(described)
    homes.update(found)
    await _refuse_over_days(session, [(row, homes[_home_of(row)]) for row in rows], outcome)
    if not order.dry_run and not outcome.faults:
        added = await organisation_actions.add_accepted(session, actor, fresh)
        homes.update({organisation.name: organisation for organisation in added})
        outcome.new_organisations = [organisation.id for organisation in added]
        outcome.new_organisations += await organisation_actions.accept_again(
            session, actor, list(found.values())
        )
    return homes


def _batches(rows: Sequence[ImportRow]) -> Iterator[Sequence[ImportRow]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


RowAndHome = tuple[ImportRow, Organisation | None]


async def _known(
    session: AsyncSession, batch: Sequence[RowAndHome]
) -> dict[tuple[UUID, str], Need]:
    statement = (
        select(Need)
        .where(
            col(Need.organisation_id).in_({home.id for _, home in batch if home}),
            col(Need.external_id).in_([row.external_id for row, _ in batch]),
        )
        .order_by(col(Need.id))
        .with_for_update()
    )
    found = (await session.exec(statement)).all()
    return {
        (need.organisation_id, need.external_id): need
        for need in found
        if need.organisation_id and need.external_id
    }


async def _refuse_over_days(
    session: AsyncSession, rows: Sequence[RowAndHome], outcome: ImportOutcome
) -> None:
    """Say which rows would bring days that are over; what is here with them may stay so."""
    late = [(row, home) for row, home in rows if over_days(row.need, today_of(row.need, home))]
    for start in range(0, len(late), BATCH):
        batch = late[start : start + BATCH]
        known = await _known(session, batch)
        for row, home in batch:
            need = known.get((home.id, row.external_id)) if home else None
            if need is None or _brings_other_days(need, row):
                found = over_days(row.need, today_of(row.need, home))
                outcome.faults += [row.fault(f.pointer.strip("/"), f.code) for f in found]


@dataclass
class _Writer:
    """Writes rows batch by batch: one query to find, one statement a table to write."""

    session: AsyncSession
    actor: Actor
    run: ImportRun | None  # none in a dry run
    outcome: ImportOutcome
    # Organisations that nobody vouched for, with a need before people's eyes or on its way there.
    full: set[UUID] = field(default_factory=set)

    async def write(self, batch: Sequence[RowAndHome]) -> None:
        """Write a batch, or only count what would be written."""
        known = await _known(self.session, batch)
        fresh: list[Need] = []
        for row, home in batch:
            need = known.get((home.id, row.external_id)) if home else None
            if need is None:
                self.outcome.counts["create"] += 1
                if home is not None and self.run is not None:
                    fresh.append(await self._new_need(row, home))
            else:
                await self._renew(need, row, home)
        if self.run is not None:
            await self._store(fresh)

    async def _new_need(self, row: ImportRow, home: Organisation) -> Need:
        state = await self._state_in(home)
        now = clock.now()
        need = Need(
            id=ids.public_id(),
            organisation_id=home.id,
            organisation_name=home.name,
            title=row.need.title,
            language=row.need.language,
            state=state,
            published_at=now if state is NeedState.OPEN else None,
            created_at=now,
            updated_at=now,
            created_by=self.actor.account_id,
            source=row.source,
        )
        apply_fields(need, row.need, home)
        return need

    async def _state_in(self, home: Organisation) -> NeedState:
        """Say where a new need begins: what nobody vouches for waits for a steward, one by one."""
        if self._alone(home):
            accepted = organisation_policy.may_publish_needs(home)
            return NeedState.OPEN if accepted else NeedState.REVIEW
        free = home.id not in self.full and await reviewing.place_free(self.session, home)
        self.full.add(home.id)
        return NeedState.REVIEW if free else NeedState.DRAFT

    async def _store(self, fresh: Sequence[Need]) -> None:
        self.session.add_all(fresh)
        await self.session.flush()  # the rows of history name them
        for need in fresh:
            add_history(self.session, self.actor, need, None, need.state, REASON)
            self._note(need, None)
            verb = "need.published" if need.state is NeedState.OPEN else "need.drafted"
            record(self.session, self.actor, verb, need.id)
        await self.session.flush()

    async def _renew(self, need: Need, row: ImportRow, home: Organisation | None) -> None:
        """Bring a need up to its row, unless nothing changed there or it is closed here."""
        if need.state not in EDITABLE:
            self.outcome.counts["skip"] += 1
            self.outcome.warnings.append(row.fault("external_id", "import_need_closed"))
        elif need.source == row.source:
            self.outcome.counts["unchanged"] += 1
        elif home is not None and need.state in READ and not self._alone(home):
            self.outcome.counts["skip"] += 1
            self.outcome.warnings.append(row.fault("external_id", "words_were_reviewed"))
        else:
            self.outcome.counts["update"] += 1
            if home is not None and self.run is not None:
                await self._update(need, row, home)

    def _alone(self, home: Organisation) -> bool:
        """Whoever runs the instance's commands stands for its stewards."""
        return self.actor.system or stands_alone(self.actor, home)

    def _note(self, need: Need, before: dict[str, Any] | None) -> None:
        """Keep what a need said before, and by what it is known whether it changed after."""
        if self.run is None:
            return
        change = ImportChange(
            run_id=self.run.id, need_id=need.id, before=before, after_hash=hash_of(need)
        )
        self.session.add(change)

    async def _update(self, need: Need, row: ImportRow, home: Organisation) -> None:
        before = snapshot_of(need)
        await reviewing.read_hold_again(self.session, need)
        apply_fields(need, _with_what_stays(need, row.need), home)
        need.source = row.source
        need.version += 1
        need.updated_at = clock.now()
        self._note(need, before)
        if need.state in PUBLISHED:
            record(self.session, self.actor, "need.updated", need.id)


def _brings_other_days(need: Need, row: ImportRow) -> bool:
    """Say whether a row would change the days of a need that can still change."""
    if need.state not in EDITABLE or need.source == row.source:
        return False
    said = row.need
    return any(
        name in said.model_fields_set and getattr(said, name) != getattr(need, name)
        for name in ("deadline", "starts_on")
    )


def snapshot_of(need: Need) -> dict[str, Any]:
    """Return what a need says, and where it comes from, as it can be written again."""
    said = NeedFields.model_validate(said_of(need)).model_dump(mode="json")
    return {"said": said, "source": need.source}


def hash_of(need: Need) -> bytes:
    """Return what changes whenever what a need says changes."""
    said = snapshot_of(need)["said"]
    return sha256(json.dumps(said, sort_keys=True).encode()).digest()


def _with_what_stays(need: Need, said: NeedFields) -> NeedFields:
    """Keep what the file does not speak of (hours, the harm check), and places people hold."""
    now = NeedFields.model_validate(said_of(need))
    stays: dict[str, Any] = {
        name: getattr(need, name) for name in PLAIN_FIELDS if name not in said.model_fields_set
    }
    if said.harm_check is None and need.harm_check is not None:
        stays["harm_check"] = HarmCheck(**need.harm_check)
    if "audience_peers" not in said.model_fields_set:
        stays["audience_peers"] = need.audience_peers
    for name in ("amount", "contacts", "handover", "clocks"):
        if name not in said.model_fields_set:
            stays[name] = getattr(now, name)
    stays["places"] = max(stays.get("places", said.places), need.taken)
    return said.model_copy(update=stays)
