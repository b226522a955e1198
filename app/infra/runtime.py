"""What a running process holds: the database, the doorbell, where it is and under which name.

Made once by an entry point from the settings; handed down, never a global.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from app.infra.database import make_engine, make_sessions
from app.infra.queue import Doorbell
from app.infra.wakeups import Wakeups


@dataclass
class Runtime:
    """The tools of one process."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    doorbell: Doorbell
    wakeups: Wakeups
    origin: str
    data_dir: Path
    dev_origins: frozenset[str] = frozenset()
    # Tools that one layer keeps for the life of the process (the peers' HTTP clients, keys).
    shared: dict[str, Any] = field(default_factory=dict)

    async def close(self) -> None:
        """Let go of everything."""
        for tool in self.shared.values():
            if hasattr(tool, "aclose"):
                await tool.aclose()
        await self.wakeups.aclose()
        await self.doorbell.close()
        await self.engine.dispose()


def make_runtime(
    *,
    database_url: str,
    redis_url: str,
    origin: str,
    data_dir: Path,
    dev_origins: frozenset[str] = frozenset(),
    pool_size: int = 10,
) -> Runtime:
    """Make the tools; nothing connects yet."""
    engine = make_engine(database_url, pool_size=pool_size)
    return Runtime(
        engine=engine,
        sessions=make_sessions(engine),
        doorbell=Doorbell(redis_url),
        wakeups=Wakeups(redis_url),
        origin=origin,
        data_dir=data_dir,
        dev_origins=dev_origins,
    )
