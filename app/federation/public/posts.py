"""Writing what goes out to followers: a post once, and a row for each inbox it goes to."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.wire.documents import Document
from app.federation.wire.notes import public_to_wire
from app.infra import clock
from app.infra.canonical import canonical_json
from app.models.followers import PublicDelivery, PublicPost


async def write(
    session: AsyncSession,
    post: Document,
    to: Sequence[tuple[str, str]],
    need_id: UUID | None = None,
) -> None:
    """Write a post for some inboxes, each with its origin; nothing is sent before the commit."""
    if not to:
        return
    document = public_to_wire(post)
    row = (
        insert(PublicPost)
        .values(
            need_id=need_id,
            activity_type=document["type"],
            body=canonical_json(document),
            created_at=clock.now(),
        )
        .returning(col(PublicPost.id))
    )
    post_id = (await session.execute(row)).scalar_one()
    await session.execute(
        insert(PublicDelivery).values(
            [{"post_id": post_id, "origin": origin, "inbox_url": inbox} for origin, inbox in to]
        )
    )


async def drop_updates(session: AsyncSession, need_id: UUID) -> None:
    """Drop updates of a need that have not gone out yet: a newer word is being written."""
    of_need = select(PublicPost.id).where(
        col(PublicPost.need_id) == need_id, col(PublicPost.activity_type) == "Update"
    )
    await session.execute(delete(PublicDelivery).where(col(PublicDelivery.post_id).in_(of_need)))


async def drop_all(session: AsyncSession, need_id: UUID) -> None:
    """Drop all of a need that has not gone out yet: it is no longer public."""
    await session.execute(delete(PublicPost).where(col(PublicPost.need_id) == need_id))
