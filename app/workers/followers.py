"""The chore that writes to followers: apart from the peers', which it can never delay."""

from app.federation.public import receiving, sending
from app.infra.database import transaction
from app.infra.runtime import Runtime


async def deliver_notes(runtime: Runtime) -> int:
    """Send followers what waits for them; answers how many posts arrived."""
    return await sending.deliver_due(runtime)


async def forget_strangers(runtime: Runtime) -> None:
    """Drop what has had its time on the public surface."""
    async with transaction(runtime.sessions) as session:
        await receiving.forget_old(session)
        await sending.forget_posts(session)
