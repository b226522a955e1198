"""A backup of a whole database, and its restore: what an instance finds when it comes back."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.infra.database import async_url

# Kept in a schema of its own, so that nothing but the tables of the instance is touched.
TAKE = """
DO $$
DECLARE found record;
BEGIN
    DROP SCHEMA IF EXISTS kept CASCADE;
    CREATE SCHEMA kept;
    FOR found IN SELECT quote_ident(tablename) AS name FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE 'CREATE TABLE kept.' || found.name || ' AS TABLE public.' || found.name;
    END LOOP;
END $$
"""
# As a superuser restores: no trigger and no foreign key looks on.
RESTORE = """
DO $$
DECLARE found record; columns text;
BEGIN
    SET LOCAL session_replication_role = 'replica';
    FOR found IN SELECT tablename AS plain, quote_ident(tablename) AS name FROM pg_tables
        WHERE schemaname = 'kept' LOOP
        SELECT string_agg(quote_ident(column_name), ', ') INTO columns
        FROM information_schema.columns WHERE table_schema = 'public'
            AND table_name = found.plain AND is_generated = 'NEVER';
        EXECUTE 'DELETE FROM public.' || found.name;
        EXECUTE format(
            'INSERT INTO public.%s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM kept.%s',
            found.name, columns, columns, found.name);
    END LOOP;
    DROP SCHEMA kept CASCADE;
END $$
"""


async def take_backup(owner_url: str) -> None:
    """Keep everything as it is now."""
    await _administer(owner_url, TAKE)


async def restore_backup(owner_url: str) -> None:
    """Bring back everything as it was."""
    await _administer(owner_url, RESTORE)


async def _administer(url: str, statement: str) -> None:
    engine = create_async_engine(async_url(url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
