"""Reading organisations and memberships."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, exists, false, func, or_, true, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.organisations import errors, policy
from app.domain.organisations.rules import slug_of
from app.errors import InvalidError
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.identity import Account
from app.models.ledger import Book, BookStatus, BookStatusKind
from app.models.needs import Audience, Need, NeedState
from app.models.organisations import MemberRole, Membership, Organisation, OrganisationState

# A longer list of beginnings costs more than reading every slug there is.
SLUGS_LOOKED_UP_MAX = 20


@dataclass(frozen=True)
class OrganisationView:
    """An organisation as one asker sees it.

    `concerned` are its members and the stewards: they are told the reason of its state.
    """

    organisation: Organisation
    open_needs: int
    my_role: MemberRole | None
    concerned: bool


@dataclass(frozen=True)
class Wanted:
    """What a list of organisations is narrowed to; no state means the accepted ones."""

    state: OrganisationState | None = OrganisationState.ACCEPTED
    text: str = ""


async def get_organisation(session: AsyncSession, organisation_id: UUID) -> Organisation:
    """Return an organisation that must exist, whoever asks."""
    organisation = await session.get(Organisation, organisation_id)
    if organisation is None:
        raise errors.organisation_not_found()
    return organisation


async def lock_organisation(session: AsyncSession, organisation_id: UUID) -> Organisation:
    """Return an organisation that nobody else changes until this transaction ends."""
    organisation = await session.get(
        Organisation, organisation_id, with_for_update=True, populate_existing=True
    )
    if organisation is None:
        raise errors.organisation_not_found()
    return organisation


async def get_organisation_for(
    session: AsyncSession, actor: Actor, organisation_id: UUID
) -> OrganisationView:
    """Return an organisation to someone who may see it; to others there is none."""
    organisation = await get_organisation(session, organisation_id)
    mine = await membership(session, organisation_id, actor.account_id)
    if not policy.may_see(actor, organisation, mine):
        raise errors.organisation_not_found()
    open_needs = await open_needs_by_id(session, actor, [organisation_id])
    role = mine.role if mine else None
    concerned = role is not None or actor.acts_as_steward
    return OrganisationView(organisation, open_needs.get(organisation_id, 0), role, concerned)


async def has_published_need(session: AsyncSession, organisation_id: UUID) -> bool:
    """Say whether anything of an organisation is there to be seen, or waits to be."""
    gone = (NeedState.WITHDRAWN, NeedState.ARCHIVED)
    statement = select(Need.id).where(
        Need.organisation_id == organisation_id, col(Need.state).not_in(gone)
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def organisation_by_slug(session: AsyncSession, slug: str) -> Organisation | None:
    return (await session.exec(select(Organisation).where(Organisation.slug == slug))).first()


async def organisations_by_name(
    session: AsyncSession, names: Collection[str]
) -> dict[str, Organisation]:
    """Return organisations by their exact names; of several with one name, the first accepted."""
    statement = (
        select(Organisation)
        .where(col(Organisation.name).in_(set(names)))
        .order_by(
            (col(Organisation.state) == OrganisationState.ACCEPTED).asc(),
            col(Organisation.created_at).desc(),
            col(Organisation.id).desc(),
        )
    )
    found = (await session.exec(statement)).all()
    return {organisation.name: organisation for organisation in found}  # the best one comes last


async def organisations_by_id(
    session: AsyncSession, ids: Collection[UUID]
) -> dict[UUID, Organisation]:
    """Return organisations by id, for naming them in a list."""
    if not ids:
        return {}
    found = await session.exec(select(Organisation).where(col(Organisation.id).in_(set(ids))))
    return {organisation.id: organisation for organisation in found}


async def names_for(session: AsyncSession, actor: Actor, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of those organisations that the asker may see, for naming them in a list."""
    if not ids:
        return {}
    statement = select(Organisation.id, Organisation.name).where(
        col(Organisation.id).in_(set(ids)), _visible_to(actor)
    )
    return dict((await session.exec(statement)).all())


async def list_organisations(
    session: AsyncSession, actor: Actor, wanted: Wanted, limit: int, cursor: str | None
) -> Page[OrganisationView]:
    """List the organisations that the asker may see, by name."""
    folded = func.lower(Organisation.name)
    statement = select(Organisation).where(_visible_to(actor), *_narrowed(wanted))
    if cursor is not None:
        last = await _last_shown(session, cursor)
        after = tuple_(func.lower(last.name), last.id)
        statement = statement.where(tuple_(folded, col(Organisation.id)) > after)
    statement = statement.order_by(folded, col(Organisation.id)).limit(limit + 1)
    found = (await session.exec(statement)).all()
    page = cut_page(found, limit, lambda shown: encode_cursor(shown.id))
    return Page(await _views(session, actor, page.items), page.next_cursor)


async def _last_shown(session: AsyncSession, cursor: str) -> Organisation:
    """Read where the last page ended: the id alone, since a long name would not fit a cursor."""
    (raw_id,) = decode_cursor(cursor, 1)
    try:
        last = await session.get(Organisation, UUID(raw_id or ""))
    except ValueError:
        last = None
    if last is None:
        raise InvalidError("cursor_invalid")
    return last


def _visible_to(actor: Actor) -> ColumnElement[bool]:
    public = col(Organisation.state) == OrganisationState.ACCEPTED
    if policy.acts_as_steward(actor):
        return col(Organisation.id).is_not(None)
    if actor.account_id is None:
        return public
    mine = exists().where(
        col(Membership.organisation_id) == Organisation.id,
        col(Membership.account_id) == actor.account_id,
    )
    return or_(public, mine, col(Organisation.created_by) == actor.account_id)


def _narrowed(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        conditions.append(col(Organisation.state) == wanted.state)
    for word in wanted.text.split()[:10]:
        # Slugs have no accents and no Greek, so a word typed either way is found.
        folded = slug_of(word)
        in_slug = col(Organisation.slug).contains(folded, autoescape=True) if folded else false()
        conditions.append(
            or_(
                col(Organisation.name).icontains(word, autoescape=True),
                col(Organisation.summary).icontains(word, autoescape=True),
                in_slug,
            )
        )
    return conditions


async def _views(
    session: AsyncSession, actor: Actor, organisations: Sequence[Organisation]
) -> list[OrganisationView]:
    ids = [organisation.id for organisation in organisations]
    open_needs = await open_needs_by_id(session, actor, ids)
    roles = await _roles_of(session, actor, ids)
    return [
        OrganisationView(
            each,
            open_needs.get(each.id, 0),
            roles.get(each.id),
            concerned=each.id in roles or actor.acts_as_steward,
        )
        for each in organisations
    ]


async def _roles_of(
    session: AsyncSession, actor: Actor, ids: Sequence[UUID]
) -> dict[UUID, MemberRole]:
    if actor.account_id is None or not ids:
        return {}
    statement = select(Membership.organisation_id, Membership.role).where(
        Membership.account_id == actor.account_id, col(Membership.organisation_id).in_(ids)
    )
    rows = (await session.exec(statement)).all()
    return {organisation_id: MemberRole(role) for organisation_id, role in rows}


async def open_needs_by_id(
    session: AsyncSession, actor: Actor, ids: Sequence[UUID]
) -> dict[UUID, int]:
    """Count those open needs that the asker may see; organisations without any are left out."""
    if not ids:
        return {}
    seen = true() if actor.account_id else col(Need.audience) == Audience.PUBLIC
    statement = (
        select(Need.organisation_id, func.count())
        .where(col(Need.organisation_id).in_(ids), col(Need.state) == NeedState.OPEN, seen)
        .group_by(col(Need.organisation_id))
    )
    rows = (await session.exec(statement)).all()
    return {organisation_id: count for organisation_id, count in rows if organisation_id}


async def count_accepted(session: AsyncSession) -> int:
    """Count the organisations that anybody may see."""
    public = col(Organisation.state) == OrganisationState.ACCEPTED
    return (await session.exec(select(func.count()).select_from(Organisation).where(public))).one()


async def taken_slugs(session: AsyncSession, names: Collection[str]) -> set[str]:
    """Return the slugs in use that could collide with those of new names.

    Takes a lock until the end of the transaction: of two people naming the same thing at
    once, the second sees the first one's slug.
    """
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("organisations.slug"))))
    beginnings = sorted({(slug_of(name) or "organisation")[:50] for name in names})
    if len(beginnings) > SLUGS_LOOKED_UP_MAX:
        return set((await session.exec(select(Organisation.slug))).all())
    begins = or_(*(col(Organisation.slug).startswith(each) for each in beginnings))
    return set((await session.exec(select(Organisation.slug).where(begins))).all())


async def memberships_of(
    session: AsyncSession, account_id: UUID
) -> Sequence[tuple[Membership, Organisation]]:
    """List where a person belongs, by name."""
    statement = (
        select(Membership, Organisation)
        .where(Membership.account_id == account_id, Membership.organisation_id == Organisation.id)
        .order_by(col(Organisation.name))
    )
    return (await session.exec(statement)).all()


async def membership(
    session: AsyncSession, organisation_id: UUID, account_id: UUID | None
) -> Membership | None:
    """Return a person's place in an organisation, if they have one."""
    if account_id is None:
        return None
    return await session.get(Membership, (organisation_id, account_id))


async def members_for(
    session: AsyncSession, actor: Actor, organisation_id: UUID
) -> Sequence[tuple[Membership, Account]]:
    """List the members, owners first, to those who may know them."""
    await get_organisation_for(session, actor, organisation_id)
    mine = await membership(session, organisation_id, actor.account_id)
    if not policy.may_see_members(actor, mine):
        actor.signed_in()
        raise errors.members_only()
    statement = (
        select(Membership, Account)
        .where(Membership.organisation_id == organisation_id, Membership.account_id == Account.id)
        .order_by((col(Membership.role) == MemberRole.OWNER).desc(), col(Account.handle))
    )
    return (await session.exec(statement)).all()


async def count_members(
    session: AsyncSession, organisation_id: UUID, role: MemberRole | None = None
) -> int:
    """Count the members of an organisation, or those with one role."""
    statement = (
        select(func.count())
        .select_from(Membership)
        .where(Membership.organisation_id == organisation_id)
    )
    if role is not None:
        statement = statement.where(Membership.role == role)
    return (await session.exec(statement)).one()


async def has_worker_owners(session: AsyncSession, organisation_id: UUID) -> bool:
    """Say whether its first worker-owners are named: they decide then who is one of them."""
    statement = select(BookStatus.id).where(
        Book.organisation_id == organisation_id,
        col(Book.ownership_since).is_not(None),
        BookStatus.book_id == Book.id,
        BookStatus.status == BookStatusKind.WORKER_OWNER,
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def is_of_cooperative(session: AsyncSession, organisation_id: UUID, account_id: UUID) -> bool:
    """Say whether somebody is on probation or a worker-owner where worker-owners keep the book."""
    statement = (
        select(BookStatus.status)
        .where(
            Book.organisation_id == organisation_id,
            col(Book.ownership_since).is_not(None),
            BookStatus.book_id == Book.id,
            BookStatus.account_id == account_id,
        )
        .order_by(col(BookStatus.since).desc(), col(BookStatus.id).desc())
        .limit(1)
    )
    held = (await session.exec(statement)).first()
    return held is not None and held != BookStatusKind.LEFT
