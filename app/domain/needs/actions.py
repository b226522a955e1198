"""Writing needs: post, change, move. A change of a listed need raises its version."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, enforce
from app.domain.activity.actions import record
from app.domain.needs import errors, queries, reviewing
from app.domain.needs.holding import end_hold
from app.domain.needs.policy import may_publish, may_write
from app.domain.needs.rules import (
    BY_SYSTEM,
    EDITABLE,
    PUBLISHED,
    REASON_REQUIRED,
    RENEWABLE,
    TRANSITIONS,
    faults_of,
    is_built,
    missing_for_review,
    over_days,
    possible_transitions,
    search_text_for,
    words_of,
)
from app.domain.organisations import queries as organisations
from app.domain.profiles import skills
from app.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    reason_required,
    transition_impossible,
)
from app.infra import clock, ids
from app.models.claims import LIVE_STATES, ClaimState
from app.models.needs import (
    Need,
    NeedFields,
    NeedHistory,
    NeedSkillFields,
    NeedState,
    SkillWeight,
)
from app.models.organisations import Organisation

# What NeedFields and the table hold under the same name and in the same form.
PLAIN_FIELDS = (
    "title", "body", "language", "kind", "stream", "skills_unknown", "tags", "estimate_minutes",
    "places", "urgency", "deadline", "remote", "region", "audience", "instant", "link",
    "external_id", "beneficiary", "starts_on", "time_zone", "contact_public", "priority_days",
    "recurs_months",
)  # fmt: skip


# What peers forget.
TAKEN_AWAY = frozenset({NeedState.WITHDRAWN, NeedState.EXPIRED, NeedState.ARCHIVED, NeedState.HELD})
# What a translation translates; the language says from what.
WORDS = ("title", "body", "language")


async def post_need(
    session: AsyncSession, actor: Actor, organisation_id: UUID, fields: NeedFields
) -> Need:
    """Write a draft for an organisation that one belongs to."""
    organisation = await organisations.get_organisation(session, organisation_id)
    need = Need(
        id=ids.public_id(),
        organisation_id=organisation.id,
        organisation_name=organisation.name,
        title=fields.title,
        language=fields.language,
        created_by=actor.account_id,
    )
    own = await organisations.membership(session, organisation.id, actor.account_id)
    enforce(may_write(actor, need, own))
    await _refuse_taken_external_id(session, need, fields)
    apply_fields(need, fields, organisation)
    _refuse_over(over_days(need, today_of(need, organisation)))
    session.add(need)
    await session.flush()  # the history row below names it
    add_history(session, actor, need, None, NeedState.DRAFT)
    record(session, actor, "need.drafted", need.id)
    return need


async def change_need(
    session: AsyncSession, actor: Actor, need_id: UUID, fields: NeedFields, expected_version: int
) -> Need:
    """Replace what a need says, if nobody changed it since `expected_version`."""
    need, organisation = await own_need(session, actor, need_id)
    if need.version != expected_version:
        raise errors.version_stale(need.version)
    if need.state not in EDITABLE:
        raise ConflictError("need_closed")
    if fields.places < need.taken:
        raise errors.places_below_taken(need.taken)
    if fields.external_id != need.external_id:
        await _refuse_taken_external_id(session, need, fields)
    before, days = words_of(need), (need.deadline, need.starts_on)
    apply_fields(need, fields, organisation)
    if (need.deadline, need.starts_on) != days:
        _refuse_over(over_days(need, today_of(need, organisation)))
    await reviewing.check_change(session, actor, need, before, organisation)
    if need.state != NeedState.DRAFT and (missing := missing_for_review(need)):
        raise errors.need_incomplete(missing)
    touch(session, actor, need)
    return need


async def move_need(
    session: AsyncSession,
    actor: Actor,
    need_id: UUID,
    to: NeedState,
    reason: str,
    version: int | None = None,
) -> Need:
    """Move a need to another state, as the table and the guards allow.

    With a version, only the need that was read is moved, not what has become of it since.
    """
    need, organisation = await own_need(session, actor, need_id)
    if version is not None and need.version != version:
        raise errors.version_stale(need.version)
    before = need.state
    check_move(need, to, reason)
    if to == NeedState.DONE and is_built(need):
        raise errors.closing_asks()
    if to == NeedState.OPEN:
        enforce(may_publish(organisation))
    if to in {NeedState.REVIEW, NeedState.OPEN}:
        _refuse_incomplete(need, organisation)
    await reviewing.check_publishing(session, actor, need, organisation, to)
    without_work = await check_claims(session, need, to, reason)
    need.closed_without_work = to == NeedState.DONE and without_work
    if need.state == NeedState.HELD:
        await end_hold(session, actor, need.id, reason)
    apply_move(session, actor, need, to, reason)
    await reviewing.note_review(session, actor, need, organisation, before)
    return need


async def renew_need(session: AsyncSession, actor: Actor, need_id: UUID) -> Need:
    """Say that a need is still wanted: its age begins anew, and an expired one is open again."""
    need, organisation = await own_need(session, actor, need_id)
    if need.state not in RENEWABLE:
        raise ConflictError("not_renewable")
    need.renewed_at = clock.now()
    if need.state == NeedState.EXPIRED:
        enforce(may_publish(organisation))
        if missing := missing_for_review(need):
            raise errors.need_incomplete(missing)
        await reviewing.check_publishing(session, actor, need, organisation, NeedState.OPEN)
        if need.deadline is not None and need.deadline < clock.today(organisation.time_zone):
            need.deadline = None  # it would expire again before anybody could answer
        apply_move(session, actor, need, NeedState.OPEN)
    else:
        touch(session, actor, need)
    record(session, actor, "need.renewed", need.id)
    return need


def _refuse_incomplete(need: Need, organisation: Organisation) -> None:
    """Refuse to show what says too little, or has days that were over before anybody read it."""
    missing = missing_for_review(need)
    if need.state in {NeedState.DRAFT, NeedState.REVIEW}:
        missing += over_days(need, today_of(need, organisation))
    if missing:
        raise errors.need_incomplete(missing)


def today_of(said: NeedFields | Need, organisation: Organisation | None) -> date:
    """Return the day it still is, be it where the organisation is or where the need's work is."""
    zones = {said.time_zone, organisation.time_zone if organisation else None}
    return min(clock.today(zone) for zone in zones - {None} or {"UTC"} if zone)


def _refuse_over(faults: Sequence[FieldError]) -> None:
    if faults:
        raise InvalidError("validation_failed", errors=faults)


def apply_move(
    session: AsyncSession, actor: Actor, need: Need, to: NeedState, reason: str = ""
) -> None:
    """Carry out a checked move: state, history, and what peers are told."""
    before = need.state
    need.state = to
    need.state_reason = reason
    add_history(session, actor, need, before, to, reason)
    # Archived after it was done, or given back after a hold, it has been followed already.
    ended = to == NeedState.DONE or (before, to) == (NeedState.EXPIRED, NeedState.ARCHIVED)
    ended = ended and before != NeedState.HELD
    if need.recurs_months and ended:
        record(session, actor, "need.ended_to_recur", need.id)
    if to == NeedState.OPEN and need.published_at is None:
        need.published_at = clock.now()
        need.updated_at = clock.now()
        record(session, actor, "need.published", need.id)
    elif to in TAKEN_AWAY and need.published_at:
        need.version += 1
        need.updated_at = clock.now()
        record(session, actor, "need.withdrawn", need.id)
    else:
        touch(session, actor, need)


def apply_fields(need: Need, fields: NeedFields, organisation: Organisation) -> None:
    """Copy what was said into the row, with what searching reads of it."""
    check_skills(fields.skills)
    if faults := faults_of(fields):
        raise InvalidError("validation_failed", errors=faults)
    # A new row has no text for searching yet: its words are their first version.
    if need.search_text and any(getattr(need, n) != getattr(fields, n) for n in WORDS):
        need.text_version += 1
    for name in PLAIN_FIELDS:
        setattr(need, name, getattr(fields, name))
    need.skill_slugs = list(dict.fromkeys(skill.slug for skill in fields.skills))
    must = (skill.slug for skill in fields.skills if skill.weight == SkillWeight.MUST)
    need.must_slugs = list(dict.fromkeys(must))
    need.audience_peers = [str(peer) for peer in fields.audience_peers]
    need.clocks = fields.clocks.model_dump(exclude_none=True)
    need.harm_check = fields.harm_check.model_dump() if fields.harm_check else None
    need.amount_minor = fields.amount.minor if fields.amount else None
    need.currency = fields.amount.currency if fields.amount else None
    need.contacts = [contact.model_dump(mode="json") for contact in fields.contacts]
    need.handover = [item.model_dump(mode="json") for item in fields.handover]
    need.organisation_name = organisation.name
    need.search_text = search_text_for(need)


def said_of(need: Need) -> dict[str, Any]:
    """Return what a need says now, as NeedFields takes it."""
    weights = dict.fromkeys(need.must_slugs, SkillWeight.MUST)
    return {
        **{name: getattr(need, name) for name in PLAIN_FIELDS},
        "skills": [
            NeedSkillFields(slug=slug, weight=weights.get(slug, SkillWeight.NICE)).model_dump()
            for slug in need.skill_slugs
        ],
        "audience_peers": need.audience_peers,
        "harm_check": need.harm_check,
        "clocks": need.clocks,
        "amount": need.amount_minor and {"minor": need.amount_minor, "currency": need.currency},
        "contacts": need.contacts,
        "handover": need.handover,
    }


def add_history(
    session: AsyncSession,
    actor: Actor,
    need: Need,
    before: NeedState | None,
    to: NeedState,
    reason: str = "",
) -> None:
    """Write a row of a need's history."""
    session.add(
        NeedHistory(
            need_id=need.id,
            account_id=actor.account_id,
            from_state=before,
            to_state=to,
            reason=reason,
            request_id=actor.request_id,
        )
    )


def close_when_done(session: AsyncSession, actor: Actor, need: Need) -> None:
    """Move a need to done once all its places ended in confirmed work (the ledger calls).

    Where something was built, its members close it: only they know what was handed over.
    """
    if NeedState.DONE not in TRANSITIONS[need.state]:
        return
    if is_built(need):
        record(session, actor, "need.closing_wanted", need.id)
    else:
        apply_move(session, actor, need, NeedState.DONE)


async def own_need(session: AsyncSession, actor: Actor, need_id: UUID) -> tuple[Need, Organisation]:
    """Lock a need for who answers for it, with its organisation."""
    await queries.get_need_for(session, actor, need_id)
    need = await queries.lock_need(session, need_id)
    own = await queries.need_membership(session, actor, need)
    enforce(may_write(actor, need, own))
    if need.organisation_id is None:
        raise ForbiddenError("need_lives_elsewhere")
    return need, await organisations.get_organisation(session, need.organisation_id)


def check_move(need: Need, to: NeedState, reason: str) -> None:
    """Refuse a move that the table does not have, or that lacks its reason."""
    if to not in TRANSITIONS[need.state] - BY_SYSTEM:
        raise transition_impossible(need.state, to, possible_transitions(need.state))
    if to in REASON_REQUIRED and not reason:
        raise reason_required()


async def check_claims(session: AsyncSession, need: Need, to: NeedState, reason: str) -> bool:
    """A need closes with confirmed work or a reason, and never under somebody's live claim.

    Answers whether it closes without work.
    """
    if to not in {NeedState.DONE, NeedState.WITHDRAWN}:
        return False
    if await queries.has_claim_in(session, need, LIVE_STATES):
        raise ConflictError("need_has_live_claims")
    confirmed = await queries.has_claim_in(session, need, (ClaimState.CONFIRMED,))
    if to == NeedState.DONE and not reason and not confirmed:
        raise InvalidError("done_without_work", errors=[FieldError("/reason", "missing")])
    return not confirmed


def touch(session: AsyncSession, actor: Actor, need: Need) -> None:
    """Raise the version of a changed need, and let its peers know."""
    need.version += 1
    need.updated_at = clock.now()
    if need.state in PUBLISHED:
        record(session, actor, "need.updated", need.id)


def check_skills(wanted: list[NeedSkillFields]) -> None:
    """Refuse skills that are not in the list."""
    unknown = [skill.slug for skill in wanted if skill.slug not in skills.SKILLS]
    if unknown:
        raise errors.skills_unknown(unknown)


async def _refuse_taken_external_id(session: AsyncSession, need: Need, fields: NeedFields) -> None:
    if fields.external_id is None or need.organisation_id is None:
        return
    found = await queries.need_by_external_id(session, need.organisation_id, fields.external_id)
    if found is not None and found.id != need.id:
        raise ConflictError("external_id_taken", errors=[FieldError("/external_id", "taken")])
