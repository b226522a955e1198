"""Reading what the stewards set and how long work is doing."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.models.administration import InstanceSetting

NAME = "instance_name"


async def get_setting(session: AsyncSession, name: str, default: Any) -> Any:  # noqa: ANN401
    """Return a steward's choice, or the default while there is none."""
    found = await session.get(InstanceSetting, name)
    return default if found is None else found.value


async def instance_name(session: AsyncSession, default: str) -> str:
    """Return the instance's name."""
    return str(await get_setting(session, NAME, default))
