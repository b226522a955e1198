"""The chores that keep the storage and the table of files to one another."""

from app.domain.files import actions
from app.infra.database import transaction
from app.infra.runtime import Runtime


async def remove_files(runtime: Runtime) -> int:
    """Remove the bytes of what people removed; answers how many files."""
    async with transaction(runtime.sessions) as session:
        return await actions.remove_bytes(session, runtime.storage)


async def sweep_files(runtime: Runtime) -> int:
    """Remove what was never sent, and bytes that no row names."""
    async with transaction(runtime.sessions) as session:
        return await actions.sweep_storage(session, runtime.storage)
