"""Closing a need: what is handed over, who keeps what was built running, and what follows.

Nobody is made the maintainer without their own yes, and there is one at most: it is one column.
"""

from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor
from app.domain.activity.actions import record
from app.domain.needs import contents, queries
from app.domain.needs.actions import (
    add_history,
    apply_move,
    check_claims,
    check_move,
    own_need,
    touch,
)
from app.domain.needs.rules import (
    is_built,
    months_later,
    open_handover,
    search_text_for,
)
from app.errors import ConflictError, FieldError, ForbiddenError, InvalidError, reason_required
from app.infra import clock, ids
from app.infra.i18n import translate
from app.models.need_parts import ClosingFields, Maintainer
from app.models.needs import Need, NeedState

TITLE_MAX = 200
ANSWERED_LATER = frozenset({NeedState.DONE, NeedState.ARCHIVED})
# What a care need takes over from the one whose work it keeps running.
KEPT = (
    "organisation_id", "organisation_name", "language", "kind", "stream", "skill_slugs",
    "must_slugs", "tags", "remote", "region", "audience", "audience_peers", "harm_check", "link",
    "beneficiary", "time_zone", "amount_minor", "currency", "contacts", "contact_public",
    "created_by",
)  # fmt: skip


async def close_need(
    session: AsyncSession, actor: Actor, need_id: UUID, fields: ClosingFields
) -> Need:
    """Close a need, or say later of a closed one who keeps what was built running."""
    need, _ = await own_need(session, actor, need_id)
    if need.state not in ANSWERED_LATER:
        check_move(need, NeedState.DONE, fields.reason)
        await _check_work(session, need, fields)
    _hand_over(need, fields)
    _check_answers(need, fields)
    await _name_maintainer(session, actor, need, fields)
    if need.state in ANSWERED_LATER:
        touch(session, actor, need)
    else:
        apply_move(session, actor, need, NeedState.DONE, fields.reason)
    if fields.maintainer == Maintainer.NOBODY:
        await draft_care(session, actor, need, fields.recurs_months)
    return need


async def _check_work(session: AsyncSession, need: Need, fields: ClosingFields) -> None:
    """Closing without work is said, not slipped into: with a reason, and only where it is so."""
    if fields.closed_without_work and not fields.reason:
        raise reason_required()
    reason = fields.reason if fields.closed_without_work else ""
    without_work = await check_claims(session, need, NeedState.DONE, reason)
    if fields.closed_without_work and not without_work:
        raise ConflictError("work_was_confirmed")
    need.closed_without_work = without_work


def _hand_over(need: Need, fields: ClosingFields) -> None:
    done = set(fields.handed_over)
    kept = [{**item, "done": item["done"] or item["kind"] in done} for item in need.handover]
    known = {item["kind"] for item in kept}
    added = [
        {"kind": kind.value, "text": "", "done": True}
        for kind in dict.fromkeys(fields.handed_over)
        if kind not in known
    ]
    need.handover = [*kept, *added]
    if fields.handover_note:
        need.handover_note = fields.handover_note


def _check_answers(need: Need, fields: ClosingFields) -> None:
    """Where something was built, the checklist is done or explained, and somebody is named."""
    if need.closed_without_work or not (is_built(need) or need.state in ANSWERED_LATER):
        return
    if fields.maintainer is None:
        raise InvalidError("closing_asks", errors=[FieldError("/maintainer", "missing")])
    left = open_handover(need)
    if is_built(need) and left and not need.handover_note:
        raise InvalidError("handover_open", errors=[FieldError("/handover_note", "handover_open")])


async def _name_maintainer(
    session: AsyncSession, actor: Actor, need: Need, fields: ClosingFields
) -> None:
    if fields.maintainer is None:
        return
    asked: UUID | None = None
    if fields.maintainer == Maintainer.WORKER:
        workers = await contents.confirmed_workers(session, need)
        asked = next((claim.account_id for claim in workers if claim.id == fields.claim_id), None)
        if asked is None:
            found = [FieldError("/claim_id", "maintainer_not_worker")]
            raise InvalidError("maintainer_not_worker", errors=found)
    if (need.maintainer, need.maintainer_id) == (fields.maintainer, asked):
        return  # asked again, an answer once given stays
    need.maintainer, need.maintainer_id, need.maintainer_agreed_at = fields.maintainer, asked, None
    if asked is not None:
        told = {"tell": [str(asked)], "need_id": str(need.id)}
        record(session, actor, "need.maintainer_asked", need.id, **told)


async def answer_maintenance(
    session: AsyncSession, actor: Actor, need_id: UUID, *, agrees: bool
) -> Need:
    """Say yes or no to keeping running what one built; a no opens the question again."""
    account_id = actor.signed_in()
    await queries.get_need_for(session, actor, need_id)
    need = await queries.lock_need(session, need_id)
    if need.maintainer_id is None or need.maintainer_id != account_id:
        raise ForbiddenError("maintenance_not_asked")
    if agrees:
        need.maintainer_agreed_at = need.maintainer_agreed_at or clock.now()
    else:
        need.maintainer, need.maintainer_id, need.maintainer_agreed_at = None, None, None
    touch(session, actor, need)
    verb = "need.maintainer_agreed" if agrees else "need.maintainer_declined"
    record(session, actor, verb, need.id, organisation_id=str(need.organisation_id))
    return need


async def draft_care(
    session: AsyncSession, actor: Actor, former: Need, recurs_months: int | None
) -> Need:
    """Draft the need that keeps running what another one built; the same one when asked again."""
    known = await contents.care_of(session, former.id)
    if known is not None:
        return known
    return await _draft_after(session, actor, former, recurs_months, care=True)


async def draft_next(session: AsyncSession, need_id: UUID) -> None:
    """Draft what comes again after a need that ended; runs twice without harm."""
    statement = select(Need).where(Need.id == need_id).with_for_update()
    former = (await session.exec(statement)).first()
    if former is None or former.recurs_months is None:
        return
    if await contents.care_of(session, former.id) is None:
        await _draft_after(session, SYSTEM, former, former.recurs_months, care=False)


async def _draft_after(
    session: AsyncSession, actor: Actor, former: Need, recurs_months: int | None, *, care: bool
) -> Need:
    """Write the draft; its organisation says how long it takes, and sends it to review."""
    said = {name: getattr(former, name) for name in KEPT}
    title, body = former.title, former.body
    if care:
        title = translate(former.language, "need.care.title", title=former.title)[:TITLE_MAX]
        body = translate(former.language, "need.care.body", title=former.title)
    need = Need(
        **said,
        id=ids.public_id(),
        title=title,
        body=body,
        estimate_minutes=None if care else former.estimate_minutes,
        skills_unknown=former.skills_unknown,
        care_of=former.id,
        recurs_months=recurs_months,
        starts_on=None if care else months_later(clock.today(), recurs_months or 0),
    )
    need.search_text = search_text_for(need)
    session.add(need)
    await session.flush()  # the history row below names it
    add_history(session, actor, need, None, NeedState.DRAFT)
    told = {"organisation_id": str(need.organisation_id), "care_of": str(former.id)}
    record(session, actor, "need.care_drafted", need.id, **told)
    return need
