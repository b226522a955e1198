"""Writing letters and the links in them. A letter is a row until a worker has sent it.

This stands low in the order of domains, so that any verb can write one in its own transaction:
a letter exists exactly when what it tells of does.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.activity.actions import PENDING_MARK
from app.domain.letters import errors
from app.domain.letters.rules import Draft, hash_of
from app.infra import clock, ids
from app.models.letters import Letter, MailLink


async def write_letter(session: AsyncSession, draft: Draft) -> None:
    """Put a letter where the worker finds it; a second one under the same key is nothing."""
    await write_letters(session, [draft])


async def write_letters(session: AsyncSession, drafts: Sequence[Draft]) -> None:
    """Write several letters, each to one address, in one statement."""
    if not drafts:
        return
    now = clock.now()
    rows = [
        {
            "id": ids.private_id(), "address": draft.address, "account_id": draft.account_id,
            "language": draft.language, "template": draft.template, "values": draft.values,
            "list_name": draft.list_name, "key": draft.key, "created_at": now,
            "next_try_at": now, "attempts": 0,
        }
        for draft in drafts
    ]  # fmt: skip
    await session.execute(insert(Letter).values(rows).on_conflict_do_nothing())
    session.info[PENDING_MARK] = True


async def issue_link(
    session: AsyncSession, purpose: str, subject_id: UUID, lifetime: timedelta
) -> str:
    """Make a secret for an address that opens `subject_id`; returned once, kept as a hash."""
    token = ids.secret_token()
    session.add(
        MailLink(
            token_hash=hash_of(token),
            purpose=purpose,
            subject_id=subject_id,
            expires_at=clock.now() + lifetime,
        )
    )
    return token


async def open_link(session: AsyncSession, purpose: str, token: str) -> UUID:
    """Return what a link opens, without using it up."""
    statement = select(MailLink).where(
        MailLink.token_hash == hash_of(token), MailLink.purpose == purpose
    )
    link = (await session.exec(statement)).first()
    if link is None or link.used_at is not None or link.expires_at <= clock.now():
        raise errors.mail_link_gone()
    return link.subject_id


async def use_link(session: AsyncSession, purpose: str, token: str) -> UUID:
    """Use a link up, once and for all: of two at the same time one is refused."""
    statement = (
        update(MailLink)
        .where(
            col(MailLink.token_hash) == hash_of(token),
            col(MailLink.purpose) == purpose,
            col(MailLink.used_at).is_(None),
            col(MailLink.expires_at) > clock.now(),
        )
        .values(used_at=clock.now())
        .returning(col(MailLink.subject_id))
    )
    found: UUID | None = (await session.exec(statement)).scalar_one_or_none()
    if found is None:
        raise errors.mail_link_gone()
    return found


async def revoke_links(session: AsyncSession, purpose: str, subject_id: UUID) -> None:
    """Make every link to `subject_id` of this purpose open nothing any more."""
    await session.exec(
        delete(MailLink).where(
            col(MailLink.purpose) == purpose, col(MailLink.subject_id) == subject_id
        )
    )
