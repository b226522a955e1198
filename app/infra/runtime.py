"""What a running process holds: the database, the doorbell, where it is and under which name.

Made once by an entry point from the settings; handed down, never a global.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from app.infra.database import make_engine, make_sessions
from app.infra.mail import Mailer
from app.infra.queue import Doorbell
from app.infra.storage import Storage, make_storage
from app.infra.wakeups import Wakeups


@dataclass
class Runtime:
    """The tools of one process."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    doorbell: Doorbell
    wakeups: Wakeups
    mailer: Mailer
    origin: str
    data_dir: Path
    storage: Storage
    dev_origins: frozenset[str] = frozenset()
    public_follow: bool = True
    followers_max: int = 5_000
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


def make_runtime(  # noqa: PLR0913 - each is a setting that an entry point passes on
    *,
    database_url: str,
    redis_url: str,
    origin: str,
    data_dir: Path,
    smtp_url: str = "",
    mail_from: str = "",
    instance_name: str = "Tornallom",
    dev_origins: frozenset[str] = frozenset(),
    pool_size: int = 10,
    storage: tuple[str, str, str] = ("", "", ""),
    public_follow: bool = True,
    followers_max: int = 5_000,
) -> Runtime:
    """Make the tools; nothing connects yet. `storage` is its address and its login, if any."""
    address, access_key, secret_key = storage
    host = urlsplit(origin).hostname or "localhost"
    engine = make_engine(database_url, pool_size=pool_size)
    return Runtime(
        engine=engine,
        sessions=make_sessions(engine),
        doorbell=Doorbell(redis_url),
        wakeups=Wakeups(redis_url),
        origin=origin,
        data_dir=data_dir,
        mailer=Mailer(smtp_url, mail_from, instance_name, host, data_dir / "mail"),
        storage=make_storage(address, data_dir, access_key=access_key, secret_key=secret_key),
        dev_origins=dev_origins,
        public_follow=public_follow,
        followers_max=followers_max,
    )
