"""What two instances hold of each other, and instances that come back from a backup."""

import json
from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import col, select

from app.federation.rules import NOTHING, Holding, holding_of
from app.infra import clock
from app.infra.database import transaction
from app.models.federation import PeerHolding, PeerInbox, PeerOutbox, RemoteObject
from tests.factories.instances import Instance, Pair

# What a backup brings back of federation, parents first.
TABLES = (
    "needs", "peer_outboxes", "peer_inboxes", "peer_holdings", "peer_tallies", "federation_events",
    "deliveries", "incoming_messages", "remote_objects", "publications",
)  # fmt: skip
MOMENTS = {
    "peer_outboxes": (
        "next_attempt_at", "leased_until", "last_success_at", "last_failure_at", "nudged_at",
        "acknowledged_at", "checked_at",
    ),
    "peer_inboxes": ("last_message_at", "pull_after", "compared_at", "repair_after"),
}  # fmt: skip
HIDE_NEWER = """
    UPDATE needs SET state = 'withdrawn', published_at = NULL, origin_url = origin_url || '#lost'
    WHERE NOT id::text = ANY(:kept)
"""
GREETED = "federation.greeted"


async def told(instance: Instance) -> dict[str, bytes]:
    """Return what the one peer should hold of an instance; its sum is checked on the way."""
    async with instance.runtime.sessions() as session:
        rows = (await session.exec(select(PeerHolding))).all()
        lane = (await session.exec(select(PeerOutbox))).one()
    found = {row.url: row.sha256 for row in rows}
    assert Holding(lane.held_count, lane.held_digest) == holding_of(found.items())
    return found


async def held(instance: Instance) -> dict[str, bytes]:
    """Return what an instance holds of its one peer; its sum is checked on the way."""
    async with instance.runtime.sessions() as session:
        rows = (
            await session.exec(select(RemoteObject).where(col(RemoteObject.sha256) != NOTHING))
        ).all()
        lane = (await session.exec(select(PeerInbox))).one()
    found = {row.url: row.sha256 for row in rows}
    assert Holding(lane.held_count, lane.held_digest) == holding_of(found.items())
    return found


async def in_step(pair: Pair) -> bool:
    """Whether south holds exactly what north says that it should."""
    return await told(pair.north) == await held(pair.south)


@dataclass
class Backup:
    """Rows of an instance as they were."""

    rows: dict[str, str]


async def back_up(instance: Instance) -> Backup:
    """Copy the rows that matter between peers."""
    async with transaction(instance.runtime.sessions) as session:
        rows = {}
        for table in TABLES:
            query = text(f"SELECT coalesce(json_agg(t), '[]')::text FROM {table} t")  # noqa: S608
            rows[table] = (await session.execute(query)).scalar_one()
    return Backup(rows)


async def restore(instance: Instance, backup: Backup) -> None:
    """Put the rows back as they were, and begin as a process that has just been started."""
    async with transaction(instance.runtime.sessions) as session:
        kept = [row["id"] for row in json.loads(backup.rows["needs"])]
        # Needs have a history that nobody deletes: the newer ones are put out of sight.
        await session.execute(text(HIDE_NEWER), {"kept": kept})
        for table in reversed(TABLES[1:]):
            await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608
        for table in TABLES:
            await session.execute(text(await _fill(session, table)), {"rows": backup.rows[table]})
    instance.runtime.shared.pop(GREETED, None)


async def _fill(session: object, table: str) -> str:
    query = text(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND table_name = :name AND is_generated = 'NEVER' ORDER BY ordinal_position"
    )
    columns = list((await session.execute(query, {"name": table})).scalars())  # type: ignore[attr-defined]
    names = ", ".join(f'"{name}"' for name in columns)
    conflict = ""
    if table == "needs":
        again = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in columns)
        conflict = f"ON CONFLICT (id) DO UPDATE SET {again}"
    return (
        f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE "  # noqa: S608
        f"SELECT {names} FROM json_populate_recordset(NULL::{table}, CAST(:rows AS json)) "
        f"{conflict}"
    )


async def back_to_now(pair: Pair) -> None:
    """After the clock was moved: let nothing of the lanes lie in the future."""
    for instance in (pair.north, pair.south):
        async with transaction(instance.runtime.sessions) as session:
            for table, names in MOMENTS.items():
                values = ", ".join(
                    f"{name} = least({name}, CAST(:now AS timestamptz))" for name in names
                )
                await session.execute(text(f"UPDATE {table} SET {values}"), {"now": clock.now()})  # noqa: S608
