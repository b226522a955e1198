"""Alembic's environment: async, polite (time-outs), one migrator at a time (advisory lock)."""

import asyncio
import os
from typing import Any

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

import app.models
from app.infra.database import async_url

# Any number will do as long as nothing else in the database uses it.
ADVISORY_LOCK = 0x544F524E


def _include(_: Any, name: str | None, kind: str, reflected: bool, __: Any) -> bool:
    return not (kind == "table" and reflected and name == "alembic_version")


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=app.models.metadata,
        include_object=_include,
        transaction_per_migration=True,
    )
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.execute(text("SET statement_timeout = '15min'"))
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
    connection.commit()
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()


async def _run_async() -> None:
    url = context.config.attributes.get("url") or os.environ["TORNALLOM_DATABASE_OWNER_URL"]
    engine = create_async_engine(async_url(url), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_run_async())
