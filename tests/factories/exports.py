"""A book as a member takes it away."""

import json
from uuid import UUID

from app.domain.ledger.export import export_book
from app.infra.database import transaction
from app.workers.checkpoints import keep_log
from tests.factories.world import Json, World


async def exported(world: World, book_id: UUID) -> Json:
    """Write all that waits into the log, and read the book's file."""
    await keep_log(world.runtime)
    async with transaction(world.runtime.sessions) as session:
        pieces = [piece async for piece in export_book(session, book_id, world.runtime.origin)]
    read: Json = json.loads("".join(pieces))
    return read
