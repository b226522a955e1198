"""PostgreSQL through SQLAlchemy's asyncio engine over asyncpg."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.ext.asyncio import AsyncSession as SQLAlchemySession
from sqlmodel.ext.asyncio.session import AsyncSession

from app.errors import AppError, ConflictError

STATEMENT_TIMEOUT_MS = 5_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000
# What the database answers while nothing may enter the log (migration 0033).
READ_ONLY = "LR001"


def async_url(url: str) -> str:
    """Return the URL with the asyncpg driver named, whatever way the operator wrote it."""
    parsed = make_url(url)
    return parsed.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def make_engine(
    url: str,
    *,
    pool_size: int = 10,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
) -> AsyncEngine:
    """Make an engine whose connections refuse to hang: statements and idle transactions end."""
    engine = create_async_engine(
        async_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=10,
        # A failing statement's parameters are people's data: never in an error or a log.
        hide_parameters=True,
        json_serializer=lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
        connect_args={
            "server_settings": {
                "application_name": "tornallom",
                "statement_timeout": str(statement_timeout_ms),
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
                "timezone": "UTC",
                # What a search finds decides its plan: one made for any words reads every row.
                "plan_cache_mode": "force_custom_plan",
            }
        },
    )
    event.listen(engine.sync_engine, "handle_error", _say_read_only)
    return engine


def _say_read_only(context: ExceptionContext) -> None:
    """Tell people what they ran into, whichever of the many verbs that write a book it was."""
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        raise ConflictError("ledger_read_only") from context.original_exception


class DatabaseSession(AsyncSession):
    """SQLModel's session, with SQLAlchemy's `execute` for statements that answer plain rows."""

    async def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """Run any statement; SQLModel only steers people to `exec`, which reads models."""
        return await SQLAlchemySession.execute(self, statement, params, **options)


def make_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Make the session factory; nothing expires on commit, so answers can be built after it."""
    return async_sessionmaker(engine, class_=DatabaseSession, expire_on_commit=False)


@asynccontextmanager
async def transaction(
    sessions: async_sessionmaker[AsyncSession],
) -> AsyncIterator[AsyncSession]:
    """One session, one transaction: committed at the end, rolled back on any error.

    Except for a refusal that must leave a trace (a failed sign-in is counted).
    """
    async with sessions() as session:
        try:
            yield session
        except AppError as error:
            if error.keeps_effects:
                await session.commit()
            raise
        await session.commit()


async def ping(engine: AsyncEngine) -> None:
    """Ask the database for a sign of life; raises what the driver raises."""
    async with engine.connect() as connection:
        await connection.exec_driver_sql("SELECT 1")
