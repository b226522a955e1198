"""Running the instance: its name and its long work."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.administration.queries import NAME
from app.models.administration import InstanceSetting


async def name_instance(session: AsyncSession, name: str) -> None:
    """Set the instance's name."""
    await _set(session, NAME, name)


async def _set(session: AsyncSession, name: str, value: Any) -> None:  # noqa: ANN401
    found = await session.get(InstanceSetting, name)
    if found is None:
        session.add(InstanceSetting(name=name, value=value))
    else:
        found.value = value
