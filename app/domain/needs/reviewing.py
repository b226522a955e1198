"""What an organisation publishes as long as nobody vouched for it: read first, and only then shown.

One need at a time, without links, opened by a steward. What a steward has read stays as it was
read: its words change only by a steward's hand, or once somebody vouches for the organisation.
"""

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.domain.needs import contents, errors
from app.domain.needs.holding import live_hold
from app.domain.needs.policy import stands_alone
from app.domain.needs.rules import PUBLISHED, linked_fields, words_of
from app.domain.organisations import queries as organisations
from app.errors import ConflictError, reason_required
from app.infra.text import links_in
from app.models.needs import Need, NeedState
from app.models.organisations import Organisation, OrganisationState

# A need in one of these is before people's eyes, or on its way there.
SHOWN = (
    NeedState.REVIEW, NeedState.OPEN, NeedState.PAUSED, NeedState.IN_PROGRESS, NeedState.HELD,
)  # fmt: skip
# What waits for a steward: first needs of those whom nobody vouched for.
_WAITING = (
    col(Need.organisation_id) == col(Organisation.id),
    col(Need.state) == NeedState.REVIEW,
    col(Organisation.state) == OrganisationState.ACCEPTED,
    col(Organisation.vouched_at).is_(None),
)
# Before a steward reads what is said; a hold ends when they have.
READ_FIRST = frozenset({NeedState.REVIEW, NeedState.HELD})


async def check_publishing(
    session: AsyncSession, actor: Actor, need: Need, organisation: Organisation, to: NeedState
) -> None:
    """Refuse what an unvouched organisation may not bring before people's eyes by itself."""
    if stands_alone(actor, organisation):
        return
    if need.state == NeedState.REVIEW and to == NeedState.OPEN:
        raise ConflictError("review_by_stewards")
    comes_up = to == NeedState.REVIEW or (need.state, to) == (NeedState.EXPIRED, NeedState.OPEN)
    if comes_up:
        await refuse_links(session, need)
        await _refuse_second(session, need, organisation)


async def check_change(
    session: AsyncSession, actor: Actor, need: Need, before: object, organisation: Organisation
) -> None:
    """Refuse other words where a steward has read them; `before` is what `words_of` said."""
    said_otherwise = words_of(need) != before
    if said_otherwise:
        await read_hold_again(session, need)
    if stands_alone(actor, organisation):
        return
    if need.state in PUBLISHED and said_otherwise:
        raise ConflictError("words_were_reviewed")
    if need.state in READ_FIRST:
        await refuse_links(session, need)


async def check_addition(
    session: AsyncSession, actor: Actor, need: Need, said: Sequence[str]
) -> None:
    """Refuse something new to read beside the words: a translation, a file."""
    await read_hold_again(session, need)
    await refuse_published(session, actor, need)
    organisation = await _home(session, need)
    if organisation is None or stands_alone(actor, organisation):
        return
    if need.state in READ_FIRST and any(links_in(text) for text in said):
        raise errors.links_unvouched([])


async def refuse_published(session: AsyncSession, actor: Actor, need: Need) -> None:
    """Refuse anything new beside words that a steward has read."""
    if await stays_as_read(session, actor, need):
        raise ConflictError("words_were_reviewed")


async def stays_as_read(session: AsyncSession, actor: Actor, need: Need) -> bool:
    """Say whether a steward has read these words and the actor may add nothing to them."""
    if need.state not in PUBLISHED:
        return False
    organisation = await _home(session, need)
    return organisation is not None and not stands_alone(actor, organisation)


async def check_answer(session: AsyncSession, actor: Actor, need: Need, body: str) -> None:
    """Refuse a link in a public answer of an organisation that nobody vouched for."""
    organisation = await _home(session, need)
    if organisation is not None and not stands_alone(actor, organisation) and links_in(body):
        raise errors.links_unvouched(["/body"])


async def note_review(
    session: AsyncSession, actor: Actor, need: Need, organisation: Organisation, before: NeedState
) -> None:
    """Let the stewards know what waits for them, and the members how it was decided."""
    told = {"organisation_id": str(organisation.id)}
    accepted = organisation.state == OrganisationState.ACCEPTED
    if need.state == NeedState.REVIEW and accepted and not stands_alone(actor, organisation):
        record(session, actor, "need.review_wanted", need.id, **told)
    if before != NeedState.REVIEW or not await _decides(session, actor, organisation):
        return
    if need.state == NeedState.DRAFT:
        if not need.state_reason.strip():
            raise reason_required()
        record(session, actor, "need.sent_back", need.id, **told)
    elif need.state == NeedState.OPEN:
        record(session, actor, "need.review_passed", need.id, **told)


async def waiting_for_review(
    session: AsyncSession, actor: Actor, limit: int
) -> Sequence[tuple[Need, Organisation]]:
    """List to stewards what unvouched organisations want to publish, the longest wait first."""
    actor.require_steward()
    statement = (
        select(Need, Organisation)
        .where(*_WAITING)
        .order_by(col(Need.updated_at), col(Need.id))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def count_waiting(session: AsyncSession) -> int:
    """Count the needs that wait to be read before all can see them."""
    statement = select(func.count(col(Need.id))).where(*_WAITING)
    return (await session.exec(statement)).one()


async def refuse_links(session: AsyncSession, need: Need) -> None:
    """Refuse a link anywhere in what a need would show, its translations included."""
    rows = (await contents.translations_of(session, [need.id])).get(need.id, [])
    translated = any(links_in(f"{row.title}\n{row.body}") for row in rows)
    found = [*linked_fields(need), *(["/translations"] if translated else [])]
    if found:
        raise errors.links_unvouched(found)


async def _refuse_second(session: AsyncSession, need: Need, organisation: Organisation) -> None:
    """One at a time; the organisation's row is the turnstile of two that come at once."""
    if not await place_free(session, organisation, need):
        raise ConflictError("one_need_unvouched")


async def place_free(
    session: AsyncSession, organisation: Organisation, but: Need | None = None
) -> bool:
    """Say whether no (other) need of an organisation is before people's eyes, or on its way."""
    await organisations.lock_organisation(session, organisation.id)
    statement = select(Need.id).where(
        Need.organisation_id == organisation.id, col(Need.state).in_(SHOWN)
    )
    if but is not None:
        statement = statement.where(col(Need.id) != but.id)
    return (await session.exec(statement.limit(1))).first() is None


async def _decides(session: AsyncSession, actor: Actor, organisation: Organisation) -> bool:
    """Say whether a steward speaks here who is no member."""
    if actor.system or not actor.acts_as_steward:
        return False
    return await organisations.membership(session, organisation.id, actor.account_id) is None


async def read_hold_again(session: AsyncSession, need: Need) -> None:
    """Let nobody release what says something else by now than what they have read."""
    if need.state == NeedState.HELD and (hold := await live_hold(session, need.id)) is not None:
        hold.version += 1


async def _home(session: AsyncSession, need: Need) -> Organisation | None:
    if need.organisation_id is None:
        return None
    return await organisations.get_organisation(session, need.organisation_id)
