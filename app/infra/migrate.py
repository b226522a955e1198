"""Bring a database to the newest schema, in process."""

import asyncio
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.infra.database import async_url

# Alembic costs a fifth of a second to import, so only those who migrate do.
if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
REVISION = re.compile(r"^(down_)?revision(?:\s*:[^=\n]+)?\s*=\s*[\"'](\w+)[\"']", re.MULTILINE)


@cache
def head_revision() -> str:
    """Return the newest revision in the migrations folder: the one that no other follows."""
    found = [
        match.groups()
        for path in (MIGRATIONS / "versions").glob("*.py")
        for match in REVISION.finditer(path.read_text(encoding="utf-8"))
    ]
    followed = {name for down, name in found if down}
    heads = [name for down, name in found if not down and name not in followed]
    if len(heads) != 1:
        message = f"the migrations folder has {len(heads)} newest revisions instead of one"
        raise RuntimeError(message)
    return heads[0]


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
    from alembic import command  # noqa: PLC0415 - see above

    # Alembic's environment runs its own event loop, so it gets its own thread.
    await asyncio.to_thread(command.upgrade, _config(owner_url), revision)
    return True


async def downgrade(owner_url: str, revision: str) -> None:
    """Go back to an older revision (development and tests)."""
    from alembic import command  # noqa: PLC0415 - see above

    await asyncio.to_thread(command.downgrade, _config(owner_url), revision)


def _config(owner_url: str) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = owner_url
    return config
