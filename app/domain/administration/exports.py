"""Everything that an organisation has, in one archive it can read without us.

Tables are JSON Lines, one object a row; `needs.jsonl` is what an import takes in, here or on any
other instance. Secrets (keys of callbacks, tokens, people's mail addresses) are in none of them.
"""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import IO, Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.activity.actions import record
from app.domain.claims.queries import AGING
from app.domain.needs.clocks import AGES_OUT
from app.domain.needs.importing import snapshot_of
from app.domain.organisations import errors as organisation_errors
from app.domain.organisations import policy, queries
from app.errors import NotFoundError
from app.infra import clock
from app.infra.storage import Storage
from app.infra.tables import table_of
from app.models.files import File
from app.models.needs import Need

BATCH = 500
# Named once for every statement below; PostgreSQL reads only those that a statement uses.
COMMON = """
    WITH ours AS (SELECT id FROM needs WHERE organisation_id = :id),
    work AS (
        SELECT id FROM claims WHERE need_id IN (SELECT id FROM ours)
        AND (state <> ALL (:aging) OR updated_at > :since)
    ),
    book AS (SELECT id FROM books WHERE organisation_id = :id),
    newest AS (
        SELECT DISTINCT ON (account_id) account_id, status FROM book_statuses
        WHERE book_id IN (SELECT id FROM book) ORDER BY account_id, since DESC, id DESC
    ),
    known AS (
        SELECT a.id, CASE WHEN newest.status = 'left'
            THEN 'W-' || left(replace(a.id::text, '-', ''), 8) ELSE a.handle END AS handle
        FROM accounts a LEFT JOIN newest ON newest.account_id = a.id
    )
"""
# What is told of each table, column by column: a new column is nobody's until it stands here.
# A place that was given back follows nobody: it ages out here as it does everywhere else.
# Whoever left the co-operative stands in its book under a pseudonym, here as on its pages.
# What stewards hid in a thread, its other side does not read here either.
TABLES: Mapping[str, str] = {
    "members": """
        SELECT a.handle, m.role, m.worker_owner, m.created_at FROM memberships m
        JOIN accounts a ON a.id = m.account_id WHERE m.organisation_id = :id ORDER BY a.handle""",
    "need_history": """
        SELECT h.need_id, a.handle AS by, h.from_state, h.to_state, h.reason, h.at
        FROM need_history h LEFT JOIN accounts a ON a.id = h.account_id
        WHERE h.need_id IN (SELECT id FROM ours) ORDER BY h.id""",
    "translations": """
        SELECT t.need_id, t.language, t.title, t.body, t.human, t.source_version,
               a.handle AS by, t.updated_at
        FROM need_translations t LEFT JOIN accounts a ON a.id = t.account_id
        WHERE t.need_id IN (SELECT id FROM ours) ORDER BY t.need_id, t.language""",
    "claims": """
        SELECT c.id, c.need_id, a.handle AS worker, c.kind, c.state, c.note, c.accepted_at,
               c.submitted_at, c.confirmed_at, c.confirmed_minutes, c.created_at
        FROM claims c JOIN accounts a ON a.id = c.account_id
        WHERE c.id IN (SELECT id FROM work) ORDER BY c.created_at, c.id""",
    "claim_history": """
        SELECT h.claim_id, a.handle AS by, h.from_state, h.to_state, h.reason, h.at
        FROM claim_history h LEFT JOIN accounts a ON a.id = h.account_id
        WHERE h.claim_id IN (SELECT id FROM work) ORDER BY h.id""",
    "work_logs": """
        SELECT id, claim_id, worked_on, minutes, note, created_at FROM work_logs
        WHERE claim_id IN (SELECT id FROM work) ORDER BY created_at, id""",
    "messages": """
        SELECT m.id, m.subject, m.subject_id, m.parent_id, a.handle AS by, m.side,
               CASE WHEN m.subject = 'claim' AND m.hidden_at IS NOT NULL THEN '' ELSE m.body END
               AS body, m.created_at, m.edited_at, m.deleted_at, m.hidden_at,
               CASE WHEN m.subject = 'claim' THEN '' ELSE m.hidden_reason END AS hidden_reason
        FROM messages m LEFT JOIN accounts a ON a.id = m.account_id
        WHERE (m.subject = 'claim' AND m.subject_id IN (SELECT id FROM work))
           OR (m.subject = 'need' AND m.subject_id IN (SELECT id FROM ours))
        ORDER BY m.created_at, m.id""",
    "entries": """
        SELECT e.entry_id, e.kind, e.worked_on, e.claim_id, e.corrects, e.recorded_at,
               a.handle AS recorded_by
        FROM entries e LEFT JOIN known a ON a.id = e.recorded_by
        WHERE e.book_id IN (SELECT id FROM book) ORDER BY e.id""",
    "postings": """
        SELECT p.entry_id, l.kind AS account, l.stream, a.handle AS worker, p.unit, p.amount
        FROM postings p JOIN ledger_accounts l ON l.id = p.account_id
        LEFT JOIN known a ON a.id = l.holder_id
        WHERE l.book_id IN (SELECT id FROM book) ORDER BY p.entry_id, p.amount""",
    "callbacks": """
        SELECT url, description, events, active, created_at FROM webhooks
        WHERE organisation_id = :id ORDER BY created_at, id""",
    "imports": """
        SELECT id, file_name, counts, created_at, undone_at FROM import_runs
        WHERE organisation_id = :id ORDER BY created_at, id""",
}
NEED_COLUMNS = (
    "external_id", "title", "body", "language", "state", "kind", "stream", "skills", "tags",
    "estimate_minutes", "places", "urgency", "deadline", "region", "created_at", "published_at",
)  # fmt: skip
README = """This archive holds everything that {name} has on {origin}, as of {at}.

needs.jsonl can be imported here or on another instance; needs.csv is the same for reading in a
spreadsheet. The other .jsonl files have one JSON object a line. files/ holds what was attached,
files.jsonl says to what. Times are UTC (RFC 3339), work is in whole minutes. Whoever left the
co-operative stands in its book (entries, postings) under a pseudonym such as W-1a2b3c4d.
"""


async def check_exporter(session: AsyncSession, actor: Actor, organisation_id: UUID) -> None:
    """Let only an owner (and the command line) take everything along."""
    if actor.system:
        await queries.get_organisation(session, organisation_id)
        return
    actor.require(Scope.ORGANISATIONS_WRITE)
    await queries.get_organisation_for(session, actor, organisation_id)
    own = await queries.membership(session, organisation_id, actor.account_id)
    if not policy.is_owner(own):
        raise organisation_errors.owner_required()


async def export_organisation(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    storage: Storage,
    target: IO[bytes],
    origin: str,
) -> None:
    """Write the archive (ZIP) of an organisation; memory stays flat however much there is."""
    await check_exporter(session, actor, organisation_id)
    organisation = await queries.get_organisation(session, organisation_id)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        about = README.format(name=organisation.name, origin=origin, at=clock.now().isoformat())
        archive.writestr("README.txt", about)
        described = organisation.model_dump(mode="json", exclude={"created_by"})
        archive.writestr("organisation.json", _json(described))
        await _write_needs(session, organisation_id, archive)
        for name, statement in TABLES.items():
            await _write_lines(archive, f"{name}.jsonl", _rows(session, statement, organisation_id))
        await _write_files(session, organisation_id, storage, archive)
    record(session, actor, "organisation.exported", organisation_id)


async def _write_needs(
    session: AsyncSession, organisation_id: UUID, archive: zipfile.ZipFile
) -> None:
    shown: list[list[object]] = []

    async def lines() -> AsyncIterator[dict[str, Any]]:
        async for need in _needs(session, organisation_id):
            line = _need_line(need)
            shown.append([_cell(line.get(name)) for name in NEED_COLUMNS])
            yield line

    await _write_lines(archive, "needs.jsonl", lines())
    archive.writestr("needs.csv", table_of(NEED_COLUMNS, shown))


async def _needs(session: AsyncSession, organisation_id: UUID) -> AsyncIterator[Need]:
    last = UUID(int=0)
    while True:
        statement = (
            select(Need)
            .where(Need.organisation_id == organisation_id, col(Need.id) > last)
            .order_by(col(Need.id))
            .limit(BATCH)
        )
        found = (await session.exec(statement)).all()
        for need in found:
            yield need
        if len(found) < BATCH:
            return
        last = found[-1].id
        session.expunge_all()


def _need_line(need: Need) -> dict[str, Any]:
    """Return a need as an import takes it, beside what only a reader wants to know."""
    said = snapshot_of(need)["said"]
    return {
        **{name: value for name, value in said.items() if value is not None},
        # A need without an id of its own gets ours, so that importing twice doubles nothing.
        "external_id": need.external_id or str(need.id),
        "id": str(need.id),
        "state": need.state.value,
        "state_reason": need.state_reason,
        "created_at": need.created_at.isoformat(),
        "published_at": need.published_at.isoformat() if need.published_at else None,
    }


def _cell(value: Any) -> object:
    if isinstance(value, list):
        return ", ".join(str(item["slug"] if isinstance(item, dict) else item) for item in value)
    return value


async def _rows(
    session: AsyncSession, statement: str, organisation_id: UUID
) -> AsyncIterator[dict[str, Any]]:
    given = {
        "id": organisation_id,
        "aging": [state.value for state in AGING],
        "since": clock.now() - AGES_OUT,
    }
    found = await session.stream(text(COMMON + statement), given)
    async for row in found.mappings():
        yield dict(row)


async def _write_lines(
    archive: zipfile.ZipFile, name: str, rows: AsyncIterator[dict[str, Any]]
) -> None:
    with archive.open(name, "w", force_zip64=True) as out:
        async for row in rows:
            out.write(_json(row) + b"\n")


async def _write_files(
    session: AsyncSession, organisation_id: UUID, storage: Storage, archive: zipfile.ZipFile
) -> None:
    statement = select(File).where(
        File.organisation_id == organisation_id, col(File.removed_at).is_(None)
    )
    kept = (await session.exec(statement.order_by(col(File.created_at), col(File.id)))).all()
    lines = []
    for file in kept:
        path = f"files/{file.id}/{file.name}"
        try:
            content = await storage.get(file.id)
        except NotFoundError:
            path = ""  # its bytes are gone; the line says that there was a file
        else:
            await asyncio.to_thread(archive.writestr, path, content)
        said = {"id", "subject", "subject_id", "message_id", "name", "media_type", "alt"}
        lines.append(_json({**file.model_dump(mode="json", include=said), "path": path}))
    archive.writestr("files.jsonl", b"".join(line + b"\n" for line in lines))


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, default=_plain, ensure_ascii=False).encode()


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
