"""Bring a database to the newest schema, in process."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.infra.database import async_url

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def head_revision() -> str:
    """Return the newest revision in the migrations folder."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if head is None:
        message = "the migrations folder is empty"
        raise RuntimeError(message)
    return head


async def current_revision(url: str) -> str | None:
    """Return the revision a database is at; None when it is empty."""
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            result = await connection.execute(text("SELECT version_num FROM alembic_version"))
            return result.scalar_one_or_none()
    except ProgrammingError:
        return None
    finally:
        await engine.dispose()


async def upgrade(owner_url: str, revision: str = "head") -> bool:
    """Migrate as the owner; answers whether there was anything to do."""
    if revision == "head" and await current_revision(owner_url) == head_revision():
        return False
    # Alembic's environment runs its own event loop, so it gets its own thread.
    await asyncio.to_thread(command.upgrade, _config(owner_url), revision)
    return True


async def downgrade(owner_url: str, revision: str) -> None:
    """Go back to an older revision (development and tests)."""
    await asyncio.to_thread(command.downgrade, _config(owner_url), revision)


def _config(owner_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = owner_url
    return config
