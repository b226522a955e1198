"""Reading needs. `get_need_for` is the only door to one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, true
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, enforce
from app.domain.needs import errors
from app.domain.needs.policy import may_read, may_write
from app.domain.needs.rules import PUBLISHED
from app.domain.organisations.queries import membership
from app.errors import InvalidError
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.infra.text import words
from app.models.claims import Claim, ClaimState
from app.models.needs import (
    Audience,
    Need,
    NeedHistory,
    NeedKind,
    NeedListing,
    NeedState,
    Stream,
    Urgency,
)
from app.models.organisations import Membership

FAR_FUTURE = date(9999, 12, 31)
HIDDEN_COUNT_MAX = 1_000
HERE = "here"


@dataclass(frozen=True)
class NeedFilters:
    """What a list of needs is narrowed by; nothing set means what can be taken now."""

    q: str = ""
    skill: Sequence[str] = ()
    language: Sequence[str] = ()
    hours_max: int | None = None
    stream: Stream | None = None
    kind: NeedKind | None = None
    region: str = ""
    organisation: UUID | None = None
    instance: str = ""
    urgency: Urgency | None = None
    state: str = "open"
    sort: str = "soonest"


@dataclass(frozen=True)
class NeedPage:
    """A page of needs, and how many more the language filter hides."""

    page: Page[Need]
    hidden_by_language: int


async def get_need_for(session: AsyncSession, actor: Actor, need_id: UUID) -> Need:
    """Return a need that the asker may read."""
    need = await session.get(Need, need_id)
    if need is None:
        raise errors.need_not_found()
    own = await need_membership(session, actor, need)
    if not may_read(actor, need, own):
        listed_once = need.state == NeedState.WITHDRAWN and need.published_at is not None
        if listed_once and (need.audience == Audience.PUBLIC or actor.account_id):
            raise errors.need_withdrawn()
        raise errors.need_not_found()
    return need


async def need_membership(session: AsyncSession, actor: Actor, need: Need) -> Membership | None:
    """Return the asker's place in the organisation of a need."""
    if need.organisation_id is None:
        return None
    return await membership(session, need.organisation_id, actor.account_id)


async def require_need_side(session: AsyncSession, actor: Actor, need: Need) -> None:
    """Let only those pass who may act for the need's organisation."""
    enforce(may_write(actor, need, await need_membership(session, actor, need)))


async def lock_need(session: AsyncSession, need_id: UUID) -> Need:
    """Lock a need's row and read it anew; every change of its places waits here."""
    need = await session.get(Need, need_id, with_for_update=True, populate_existing=True)
    if need is None:
        raise errors.need_not_found()
    return need


async def need_by_external_id(
    session: AsyncSession, organisation_id: UUID, external_id: str
) -> Need | None:
    """Find an organisation's need by the id it has where it was imported from."""
    statement = select(Need).where(
        Need.organisation_id == organisation_id, Need.external_id == external_id
    )
    return (await session.exec(statement)).first()


async def has_claim_in(session: AsyncSession, need: Need, states: Sequence[ClaimState]) -> bool:
    """Say whether a need has a claim in one of the states."""
    statement = (
        select(Claim.id).where(Claim.need_id == need.id, col(Claim.state).in_(states)).limit(1)
    )
    return (await session.exec(statement)).first() is not None


async def list_needs(
    session: AsyncSession, actor: Actor, filters: NeedFilters, limit: int, cursor: str | None
) -> NeedPage:
    """Return one page of what the asker may see, and count what the language filter hides."""
    visible = await _visible_to(session, actor, filters)
    narrowed = and_(visible, *_conditions(filters))
    languages = [code.lower() for code in filters.language]
    spoken: ColumnElement[bool] = (
        func.lower(col(Need.language)).in_(languages) if languages else true()
    )
    statement = select(Need).where(narrowed, spoken, *_after(filters.sort, cursor))
    statement = statement.order_by(*_order(filters.sort)).limit(limit + 1)
    rows = (await session.exec(statement)).all()
    hidden = await _count(session, and_(narrowed, ~spoken)) if languages else 0
    return NeedPage(cut_page(rows, limit, lambda n: _cursor_of(filters.sort, n)), hidden)


async def count_needs(session: AsyncSession, actor: Actor, filters: NeedFilters) -> int:
    """Count what the asker may see under the filters, up to a bound."""
    visible = await _visible_to(session, actor, filters)
    return await _count(session, and_(visible, *_conditions(filters)))


async def skills_asked(
    session: AsyncSession, actor: Actor, limit: int
) -> Sequence[tuple[str, int]]:
    """Count by skill what the asker could take now, the most wanted first."""
    visible = await _visible_to(session, actor, NeedFilters())
    slugs = select(func.unnest(Need.skill_slugs).label("slug")).where(visible).subquery()
    statement = (
        select(slugs.c.slug, func.count())
        .group_by(slugs.c.slug)
        .order_by(func.count().desc(), slugs.c.slug)
        .limit(limit)
    )
    return [(slug, n) for slug, n in await session.execute(statement)]


async def history_of(session: AsyncSession, need_id: UUID) -> Sequence[NeedHistory]:
    """Return the moves of a need, oldest first."""
    statement = (
        select(NeedHistory).where(NeedHistory.need_id == need_id).order_by(col(NeedHistory.id))
    )
    return (await session.exec(statement)).all()


async def _count(session: AsyncSession, condition: ColumnElement[bool]) -> int:
    some = select(Need.id).where(condition).limit(HIDDEN_COUNT_MAX).subquery()
    return (await session.exec(select(func.count()).select_from(some))).one()


async def _visible_to(
    session: AsyncSession, actor: Actor, filters: NeedFilters
) -> ColumnElement[bool]:
    own = None
    if filters.organisation is not None:
        own = await membership(session, filters.organisation, actor.account_id)
    if own is not None or actor.acts_as_steward:
        return _in_state(filters.state, everything=True)
    audience = true() if actor.account_id else col(Need.audience) == Audience.PUBLIC
    return and_(_in_state(filters.state, everything=False), audience)


def _in_state(state: str, *, everything: bool) -> ColumnElement[bool]:
    if state == "any":
        return true() if everything else col(Need.state).in_(PUBLISHED)
    if state == "open":
        return and_(col(Need.state) == NeedState.OPEN, col(Need.taken) < col(Need.places))
    try:
        wanted = NeedState(state)
    except ValueError:
        raise InvalidError("filter_unknown", name="state") from None
    if not everything and wanted not in PUBLISHED:
        raise InvalidError("filter_unknown", name="state")
    return col(Need.state) == wanted


def _conditions(filters: NeedFilters) -> list[ColumnElement[bool]]:
    exact: dict[Any, Any] = {
        col(Need.stream): filters.stream,
        col(Need.kind): filters.kind,
        col(Need.urgency): filters.urgency,
        col(Need.organisation_id): filters.organisation,
    }
    found: list[ColumnElement[bool]] = [
        column == value for column, value in exact.items() if value is not None
    ]
    if filters.skill:
        found.append(col(Need.skill_slugs).contains(list(filters.skill)))
    if filters.hours_max is not None:
        found.append(col(Need.estimate_minutes) <= filters.hours_max * 60)
    if filters.region:
        found.append(col(Need.region).icontains(filters.region, autoescape=True))
    if filters.instance:
        here = filters.instance == HERE
        origin = col(Need.origin_instance)
        found.append(origin.is_(None) if here else origin == filters.instance)
    if (query := _text_query(filters.q)) is not None:
        found.append(query)
    return found


def _text_query(text: str) -> ColumnElement[bool] | None:
    found = words(text)[:12]
    if not found:
        return None
    query = func.to_tsquery("simple", " & ".join(f"{word}:*" for word in found))
    found_in = select(NeedListing.need_id).where(col(NeedListing.lexemes).op("@@")(query))
    matches: ColumnElement[bool] = col(Need.id).in_(found_in)
    return matches


def _deadline() -> ColumnElement[date]:
    return func.coalesce(col(Need.deadline), FAR_FUTURE)


def _published() -> ColumnElement[datetime]:
    return func.coalesce(col(Need.published_at), col(Need.created_at))


def _order(sort: str) -> list[ColumnElement[Any]]:
    newest: list[ColumnElement[Any]] = [_published().desc(), col(Need.id).desc()]
    return newest if sort == "newest" else [_deadline().asc(), *newest]


def _cursor_of(sort: str, need: Need) -> str:
    published = (need.published_at or need.created_at).isoformat()
    if sort == "newest":
        return encode_cursor(published, need.id)
    return encode_cursor(need.deadline or FAR_FUTURE, published, need.id)


def _after(sort: str, cursor: str | None) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    try:
        *deadlines, published, last = decode_cursor(cursor, 2 if sort == "newest" else 3)
        moment = datetime.fromisoformat(published or "")
        last_id = UUID(last or "")
        deadline = date.fromisoformat(deadlines[0] or "") if deadlines else None
    except ValueError:
        raise InvalidError("cursor_invalid") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    older = or_(_published() < moment, and_(_published() == moment, col(Need.id) < last_id))
    if deadline is None:
        return [older]
    return [or_(_deadline() > deadline, and_(_deadline() == deadline, older))]
