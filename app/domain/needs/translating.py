"""People's translations of a need: written, replaced, taken away. A change raises the version."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope, enforce
from app.domain.activity.actions import record
from app.domain.needs import contents, errors, queries, reviewing
from app.domain.needs.actions import touch
from app.domain.needs.policy import may_translate
from app.domain.needs.rules import EDITABLE, search_text_for
from app.errors import ConflictError, FieldError, InvalidError, NotFoundError
from app.infra import clock
from app.models.need_parts import TranslationFields
from app.models.needs import Need, NeedTranslation

TRANSLATIONS_MAX = 20


async def put_translation(
    session: AsyncSession,
    actor: Actor,
    need_id: UUID,
    language: str,
    said: tuple[TranslationFields, int],
) -> Need:
    """Write a need's words in another language; `said` from the version of the need it names."""
    fields, expected_version = said
    need, known = await _open(session, actor, need_id, expected_version)
    if language.lower() == need.language.lower():
        found = [FieldError("/language", "translation_same")]
        raise InvalidError("translation_same", errors=found)
    await reviewing.check_addition(session, actor, need, [fields.title, fields.body])
    row = known.get(language)
    if row is None:
        if len(known) >= TRANSLATIONS_MAX:
            raise ConflictError("translations_many", limit=TRANSLATIONS_MAX)
        row = NeedTranslation(need_id=need.id, language=language, title="", source_version=0)
        known[language] = row
    row.title, row.body, row.human = fields.title, fields.body, fields.human
    row.source_version, row.account_id = need.text_version, actor.account_id
    row.updated_at = clock.now()
    session.add(row)
    _index(need, list(known.values()))
    touch(session, actor, need)
    record(session, actor, "need.translated", need.id, language=language)
    return need


async def remove_translation(
    session: AsyncSession, actor: Actor, need_id: UUID, language: str, expected_version: int
) -> Need:
    """Take a translation away."""
    need, known = await _open(session, actor, need_id, expected_version)
    row = known.pop(language, None)
    if row is None:
        raise NotFoundError("translation_not_found")
    await session.delete(row)
    _index(need, list(known.values()))
    touch(session, actor, need)
    return need


async def _open(
    session: AsyncSession, actor: Actor, need_id: UUID, expected_version: int
) -> tuple[Need, dict[str, NeedTranslation]]:
    actor.require(Scope.NEEDS_WRITE)
    await queries.get_need_for(session, actor, need_id)
    need = await queries.lock_need(session, need_id)
    own = await queries.need_membership(session, actor, need)
    works = need.id in await contents.let_in(session, actor, [need.id])
    enforce(may_translate(actor, need, own, works=works))
    if need.state not in EDITABLE:
        raise ConflictError("need_closed")
    if need.version != expected_version:
        raise errors.version_stale(need.version)
    known = (await contents.translations_of(session, [need.id])).get(need.id, [])
    return need, {row.language: row for row in known}


def _index(need: Need, rows: list[NeedTranslation]) -> None:
    need.translated_text = "\n".join(f"{row.title}\n{row.body}" for row in rows)
    need.search_text = search_text_for(need)
