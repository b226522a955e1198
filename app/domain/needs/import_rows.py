"""Reading a file of needs, CSV or JSON Lines, without touching anything else.

Column names are those of NeedFields, plus what such files carry beside: `organisation`, `site`,
`open_tasks`, `updated` ("None" means missing), `estimate_hours` (4, 1:30, "1 h 30", 1,5) and
`tags`, of which those that name a skill become skills. Every other column is kept: the row stays
whole in `source`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.needs.import_columns import HOURS, IGNORED, mapping_for
from app.domain.needs.import_files import Fault, UnreadableRowError, is_table, read_rows
from app.domain.needs.rules import faults_of
from app.domain.profiles.skills import SKILLS, match_tag
from app.infra.strict_json import StrictJsonError, check_text
from app.infra.typed import read_minutes
from app.models.needs import NeedFields
from app.models.organisations import OrganisationFields

ROWS_MAX = 50_000
FAULTS_MAX = 200
NAMINGS_KEPT_MAX = 100
OPEN_TASKS_PLACES_MAX = 50
MISSING = frozenset({"none", "null", "nan"})
MINUTES = "estimate_minutes"
LIST_COLUMNS = ("tags", "skills", "audience_peers")
HARM_CHECK = "harm_check"
_LIST_SEPARATORS = re.compile(r"[,;|\n]+")
_ID_FROM_TITLE = "title:"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class ImportRow:
    """One row, understood."""

    line: int
    organisation: OrganisationFields | None
    external_id: str
    need: NeedFields
    source: dict[str, Any]
    # Which column of the file each of ours was read from.
    columns: Mapping[str, str] = field(default_factory=dict)

    def fault(self, column: str, code: str, params: Mapping[str, Any] | None = None) -> Fault:
        """Say what is wrong in a column, by the name that the file gives it."""
        return Fault(self.line, self.columns.get(column, column), code, params or {})


@dataclass
class Parsed:
    """All rows of a file, or what is wrong with it."""

    rows: list[ImportRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class Beside(BaseModel):
    """What a row says beside the need itself."""

    model_config = ConfigDict(str_strip_whitespace=True)

    open_tasks: int | None = Field(None, ge=-(2**31), le=2**31)
    updated: datetime | None = None


def parse_rows(
    raw: bytes,
    *,
    language: str = "en",
    into_one: bool = False,
    columns: Mapping[str, str] | None = None,
) -> Parsed:
    """Read a whole file; `into_one` when all needs belong to one organisation given elsewhere.

    `columns` says which column of the file is which of ours; the others are guessed by name.
    """
    parsed = Parsed()
    seen: set[tuple[str, str]] = set()
    rows = read_rows(raw, free_header=True)
    naming = _Naming(columns)
    while len(parsed.faults) < FAULTS_MAX:
        try:
            line, values = next(rows)
            if not seen and is_table(raw) and "title" not in naming.of(values).values():
                parsed.faults.append(Fault(1, "title", "column_missing"))
                break
            row = _understand(line, values, naming.of(values), language, into_one=into_one)
        except StopIteration:
            break
        except UnreadableRowError as error:
            parsed.faults.append(error.fault)
            continue
        except FaultsError as error:
            parsed.faults.extend(error.faults)
            continue
        if not _keep(parsed, seen, row):
            break
    if not parsed.rows and not parsed.faults:
        parsed.faults.append(Fault(1, "", "import_empty"))
    return parsed


def _keep(parsed: Parsed, seen: set[tuple[str, str]], row: ImportRow) -> bool:
    """Add a row, and say whether there may be more."""
    key = (row.organisation.name if row.organisation else "", row.external_id)
    if key in seen:
        parsed.faults.append(row.fault("external_id", "external_id_repeated"))
    seen.add(key)
    parsed.rows.append(row)
    if len(parsed.rows) <= ROWS_MAX:
        return True
    parsed.faults.append(Fault(row.line, "", "import_too_many_rows", {"limit": ROWS_MAX}))
    return False


class FaultsError(Exception):
    """A row with something wrong in some of its columns."""

    def __init__(self, faults: list[Fault]) -> None:
        """`faults` in the order of the columns."""
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


class _Naming:
    """Names the columns of each row; a table's rows all have the same ones."""

    def __init__(self, given: Mapping[str, str] | None) -> None:
        self._given = given
        self._known: dict[tuple[str, ...], dict[str, str]] = {}

    def of(self, source: Mapping[str, Any]) -> dict[str, str]:
        names = tuple(source)
        if names not in self._known:
            if len(self._known) > NAMINGS_KEPT_MAX:
                self._known.clear()
            self._known[names] = mapping_for(list(names), self._given)
        return self._known[names]


def _understand(
    line: int,
    source: dict[str, Any],
    naming: Mapping[str, str],
    language: str,
    *,
    into_one: bool,
) -> ImportRow:
    _check_texts(line, source)
    named = {naming[name]: value for name, value in source.items() if naming[name] != IGNORED}
    values = {name: value for name, value in named.items() if not _is_missing(name, value)}
    faults: list[Fault] = []
    need = _need_of(line, values, language, into_one, faults)
    organisation = None if into_one else _organisation_of(line, values, language, faults)
    if need is not None:
        found = faults_of(need)
        faults += [Fault(line, each.pointer.strip("/"), each.code, each.params) for each in found]
    columns = {ours: theirs for theirs, ours in naming.items() if ours != IGNORED}
    if need is None or faults:
        raise FaultsError(
            [replace(each, column=columns.get(each.column, each.column)) for each in faults]
        )
    external_id = need.external_id or _id_of_title(need.title)
    need = need.model_copy(update={"external_id": external_id})
    return ImportRow(line, organisation, external_id, need, source, columns)


def _check_texts(line: int, source: dict[str, Any]) -> None:
    for name, value in source.items():
        for text in (name, value):
            if not isinstance(text, str):
                continue
            try:
                check_text(text)
            except StrictJsonError as error:
                fault = Fault(line, name[:60].replace("\x00", ""), f"json_{error.code}")
                raise UnreadableRowError(fault) from None


def _is_missing(name: str, value: Any) -> bool:
    """A title may well be "None"; a number or a moment cannot."""
    if not isinstance(value, str):
        return value is None
    text = value.strip().lower()
    return not text or (name in Beside.model_fields and text in MISSING)


def _id_of_title(title: str) -> str:
    """Name a row without an id by its title, so that importing it again finds it."""
    return _ID_FROM_TITLE + sha256(title.encode()).hexdigest()[:32]


def _need_of(
    line: int, values: dict[str, Any], language: str, into_one: bool, faults: list[Fault]
) -> NeedFields | None:
    beside = _checked(Beside, {n: values.get(n) for n in Beside.model_fields}, line, faults)
    said = {name: values[name] for name in NeedFields.model_fields if name in values}
    said.setdefault("language", language)
    for name in LIST_COLUMNS:
        if isinstance(said.get(name), str):
            said[name] = _split(said[name])
    if HARM_CHECK not in said and (harm_check := _harm_check(values)):
        said[HARM_CHECK] = harm_check
    _sort_tags(line, said, faults)
    if HOURS in values:
        found = _minutes_of(line, values, language, faults)
        if found is not None:
            said[MINUTES] = found
    if "places" not in said and beside is not None and beside.open_tasks is not None:
        said["places"] = min(max(beside.open_tasks, 1), OPEN_TASKS_PLACES_MAX)
    if into_one and "beneficiary" not in said and "organisation" in values:
        said["beneficiary"] = values["organisation"]
    return _checked(NeedFields, said, line, faults, HOURS if HOURS in values else MINUTES)


def _minutes_of(
    line: int, values: dict[str, Any], language: str, faults: list[Fault]
) -> int | None:
    """Read hours as people of the row's language write them; minutes beside say the same."""
    spoken = values.get("language", language)
    text, exact = str(values[HOURS]), values.get(MINUTES)
    minutes = read_minutes(spoken if isinstance(spoken, str) else language, text, "hours")
    if minutes is None:
        faults.append(Fault(line, HOURS, "time_unreadable"))
    elif exact is not None and str(exact).strip() != str(minutes):
        faults.append(Fault(line, HOURS, "time_said_twice"))
    return minutes


def _organisation_of(
    line: int, values: dict[str, Any], language: str, faults: list[Fault]
) -> OrganisationFields | None:
    if "organisation" not in values:
        faults.append(Fault(line, "organisation", "missing"))
        return None
    described = {
        "name": values["organisation"],
        "site": values.get("site"),
        "languages": [values.get("language", language)],
    }
    found: list[Fault] = []
    organisation = _checked(OrganisationFields, described, line, found)
    columns = {"name": "organisation", "languages": "language"}
    faults += [
        Fault(each.line, columns.get(each.column, each.column), each.code, each.params)
        for each in found
    ]
    return organisation


def _checked(
    model: type[Model],
    values: dict[str, Any],
    line: int,
    faults: list[Fault],
    time: str = MINUTES,
) -> Model | None:
    """Make what a row says; `time` is the column in which the file says how long it takes."""
    try:
        return model(**values)
    except ValidationError as error:
        faults += [_fault_of(line, item, time) for item in error.errors()]
        return None


def _fault_of(line: int, item: Mapping[str, Any], time: str) -> Fault:
    params = {
        name: value
        for name, value in item.get("ctx", {}).items()
        if isinstance(value, int | float) or name == "expected"
    }
    column = str(item["loc"][0])
    return Fault(line, time if column == MINUTES else column, item["type"], params)


def _split(cell: str) -> list[str]:
    return [part.strip() for part in _LIST_SEPARATORS.split(cell) if part.strip()]


def _harm_check(values: dict[str, Any]) -> dict[str, Any]:
    """Put together the three columns in which a table says it."""
    prefix = f"{HARM_CHECK}."
    return {n.removeprefix(prefix): v for n, v in values.items() if n.startswith(prefix)}


def _sort_tags(line: int, said: dict[str, Any], faults: list[Fault]) -> None:
    """Make skills of those tags that name one; the others stay tags, each once."""
    skills = _skills_said(line, said.get("skills", []), faults)
    tags: dict[str, Any] = {}
    for tag in said.get("tags", []) if isinstance(said.get("tags", []), list) else []:
        slug = match_tag(tag) if isinstance(tag, str) else None
        if slug is None:
            tags.setdefault(str(tag).strip().casefold(), tag)
        else:
            skills.setdefault(slug, {"slug": slug})
    if isinstance(said.get("tags", []), list):
        said["tags"] = list(tags.values())
    if isinstance(said.get("skills", []), list):
        said["skills"] = list(skills.values())
    said.setdefault("skills_unknown", not skills)


def _skills_said(line: int, said: Any, faults: list[Fault]) -> dict[str, Any]:
    """Read skills named outright: objects, slugs, or `slug:must` in a table's cell."""
    found: dict[str, Any] = {}
    for item in said if isinstance(said, list) else []:
        skill = item
        if isinstance(item, str):
            name, _, weight = item.partition(":")
            skill = {"slug": match_tag(name) or name, **({"weight": weight} if weight else {})}
        slug = skill.get("slug") if isinstance(skill, dict) else None
        if not isinstance(slug, str) or slug not in SKILLS:
            faults.append(Fault(line, "skills", "skill_unknown"))
        else:
            found[slug] = skill
    return found
