"""Reading files of needs: what is kept, what is refused and where it is said to be."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.needs.import_rows import FAULTS_MAX, ImportRow, parse_rows

ROW: dict[str, Any] = {
    "external_id": "a:1",
    "organisation": "Forn Roig",
    "title": "Help with “up-for-grabs” 🌱",
    "body": "First line\nsecond line",
    "language": "ca",
    "site": "https://forn.example",
    "link": "https://forn.example/tasks",
    "tags": ["PHP", "c#", "sourdough", "Sourdough "],
    "open_tasks": 3,
    "updated": "2024-10-14T13:04:49Z",
    "mood": "hopeful",
}


def _lines(*rows: Any) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def _one(raw: bytes, **options: Any) -> ImportRow:
    parsed = parse_rows(raw, **options)
    assert parsed.faults == []
    (row,) = parsed.rows
    return row


def _faults(raw: bytes) -> list[tuple[int, str, str]]:
    return [(fault.line, fault.column, fault.code) for fault in parse_rows(raw).faults]


def test_a_row_is_understood_and_kept_whole() -> None:
    row = _one(_lines(ROW))
    assert row.source == ROW
    assert [skill.slug for skill in row.need.skills] == ["php", "csharp"]
    assert row.need.tags == ["sourdough"]
    assert (row.need.places, row.need.skills_unknown) == (3, False)
    assert row.organisation is not None
    assert (row.organisation.name, row.organisation.languages) == ("Forn Roig", ["ca"])


@pytest.mark.parametrize(
    ("said", "places"),
    [
        ({"open_tasks": 0}, 1),
        ({"open_tasks": 1538}, 50),
        ({"open_tasks": None}, 1),
        ({"open_tasks": "None"}, 1),
        ({"open_tasks": 9, "places": 2}, 2),
    ],
)
def test_places_are_said_or_follow_from_the_open_tasks(said: dict[str, Any], places: int) -> None:
    assert _one(_lines({**ROW, **said})).need.places == places


def test_without_a_known_skill_the_skills_are_unknown() -> None:
    row = _one(_lines({**ROW, "tags": ["sourdough"], "updated": "None"}))
    assert row.need.skills_unknown is True
    assert row.need.tags == ["sourdough"]


def test_into_one_organisation_the_rows_own_becomes_the_beneficiary() -> None:
    row = _one(_lines(ROW), into_one=True)
    assert row.organisation is None
    assert row.need.beneficiary == "Forn Roig"
    assert _one(_lines({"title": "A need"}), into_one=True).need.beneficiary is None


def test_a_row_without_an_id_is_found_again_by_its_title() -> None:
    plain = {"title": "Paint the shed", "organisation": "Forn"}
    assert _one(_lines(plain)).external_id == _one(_lines({**plain, "body": "red"})).external_id
    assert _one(_lines(plain)).external_id != _one(_lines({**plain, "title": "Other"})).external_id


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_tables_are_read_whatever_wrote_them(separator: str, bom: str) -> None:
    heading = separator.join(["Title", "Organisation", "External ID", "Tags", "places", "mood"])
    cells = ['"Say ""hi""; now, or\r\nlater"', "Forn", "x1", '"php, sourdough|css"', "4", "glad"]
    raw = f"{bom}{heading}\r\n\r\n{separator.join(cells)}\r\n".encode()
    row = _one(raw, language="nl")
    assert row.line == 3
    assert row.need.title == 'Say "hi"; now, or later'
    assert [skill.slug for skill in row.need.skills] == ["php", "css"]
    assert (row.need.tags, row.need.places, row.need.language) == (["sourdough"], 4, "nl")
    assert row.source["mood"] == "glad"
    assert row.external_id == "x1"


def test_a_table_says_the_harm_check_in_three_columns() -> None:
    raw = (
        b"title,organisation,harm_check.data,harm_check.misuse,harm_check.avoidable,skills\n"
        b"Help,Forn,none,nobody,yes,php:must;css\n"
    )
    need = _one(raw).need
    assert need.harm_check is not None
    assert need.harm_check.misuse == "nobody"
    assert [(skill.slug, skill.weight.value) for skill in need.skills] == [
        ("php", "must"), ("css", "nice"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", [(1, "", "import_empty")]),
        (b"\xef\xbb\xbf\n\n", [(1, "", "import_empty")]),
        (b"title,organisation\n", [(1, "", "import_empty")]),
        (b"colour,organisation\nx,y\n", [(1, "title", "column_missing")]),
        (
            b"title,Title\nx,y\n",
            [
                (1, "title", "column_repeated"),
            ],
        ),
        (b"title,organisation\nHelp us,Forn,more\n", [(2, "organisation", "row_too_long")]),
        (b'title,organisation\nHelp us,"Forn\n', [(2, "", "row_unreadable")]),
        (b"title,organisation\nHelp us\xff,Forn\n", [(2, "", "import_not_utf8")]),
        (b"title,organisation\nHelp\x00us,Forn\n", [(2, "title", "json_nul_character")]),
        (b"title,x\x00\nHelp us,1\n", [(2, "x", "json_nul_character")]),
        (b"title\nHelp us\n", [(2, "organisation", "missing")]),
        (b'{"title":"Help us","organisation":"F"}\n[]\n', [(2, "", "row_not_object")]),
        (b'{"title":"Help us","title":"x"}', [(1, "", "json_duplicate_key")]),
        (b'{"title":"\\ud800"}', [(1, "", "json_lone_surrogate")]),
        (b'{"title":"Help us","organisation":"F","places":NaN}', [(1, "", "json_not_finite")]),
        (b"{", [(1, "", "json_syntax")]),
        (b'"', [(1, "", "row_unreadable")]),
    ],
)
def test_what_cannot_be_read_is_told_by_line(
    raw: bytes, expected: list[tuple[int, str, str]]
) -> None:
    assert _faults(raw) == expected


def test_each_column_with_a_fault_is_told() -> None:
    wrong = {
        **ROW,
        "places": 0,
        "deadline": "soon",
        "link": "javascript:alert(1)",
        "site": "not a site",
        "open_tasks": "many",
        "updated": "yesterday",
        "skills": ["alchemy"],
        "tags": ["x" * 61],
        "language": "not one",
    }
    columns = {fault.column for fault in parse_rows(_lines(ROW, wrong)).faults if fault.line == 2}
    assert columns == {
        "places", "deadline", "link", "site", "open_tasks", "updated", "skills", "tags", "language",
    }  # fmt: skip


def test_one_id_twice_in_a_file_is_a_fault_unless_in_two_organisations() -> None:
    assert _faults(_lines(ROW, ROW)) == [(2, "external_id", "external_id_repeated")]
    assert _faults(_lines(ROW, {**ROW, "organisation": "Other"})) == []


def test_a_hopeless_file_is_not_read_to_its_end() -> None:
    assert len(parse_rows(b"[]\n{}\n".join([b"{}\n"] * 2_000)).faults) <= FAULTS_MAX + 10


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    parsed = parse_rows(raw)
    assert parsed.rows or parsed.faults
    assert all(fault.line >= 1 for fault in parsed.faults)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([*ROW, "places", "skills", "harm_check", "remote", "kind"]),
            st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text() | st.none()),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_no_values_break_the_reader(rows: list[dict[str, Any]]) -> None:
    parsed = parse_rows("\n".join(json.dumps(row) for row in rows).encode())
    assert parsed.rows or parsed.faults


@pytest.mark.parametrize(
    ("name", "said", "minutes"),
    [
        ("hours", "4", 240), ("Estimated hours", "1:30", 90), ("ώρες", "1,5", 90),
        ("Διάρκεια", "2 ώρες", 120), ("Hores", "1 h 30", 90), ("durada", "3", 180),
        ("uren", "0,5", 30), ("Geschatte uren", "8", 480), ("horas", "2.5", 150),
        ("Duración", "90 min", 90), ("estimate_hours", "12", 720),
    ],
)  # fmt: skip
def test_hours_are_read_as_people_name_and_write_them(name: str, said: str, minutes: int) -> None:
    table = f'title;{name}\nA stall;"{said}"\n'.encode()
    assert _one(table, into_one=True).need.estimate_minutes == minutes


def test_hours_of_json_lines_may_be_numbers() -> None:
    assert _one(_lines({**ROW, "hours": 2})).need.estimate_minutes == 120
    assert _one(_lines({**ROW, "hours": 1.5})).need.estimate_minutes == 90
    assert _one(_lines({**ROW, "hours": ""})).need.estimate_minutes is None
    both = {**ROW, "hours": "2", "estimate_minutes": 120}
    assert _one(_lines(both)).need.estimate_minutes == 120


def test_hours_that_say_nothing_certain_are_faults_of_their_line_and_column() -> None:
    rows = [
        {**ROW, "external_id": f"a:{number}", "hours": said}
        for number, said in enumerate(["soon", "0", "-3", "99999"])
    ]
    rows.append({**ROW, "external_id": "b", "hours": "2", "estimate_minutes": 90})
    found = _faults(_lines(*rows))
    assert [(line, column) for line, column, _ in found] == [
        (line, "hours") for line in range(1, 6)
    ]
    codes = [code for _, _, code in found]
    assert codes[0] == "time_unreadable"
    assert codes[1] == "greater_than_equal"
    assert (codes[3], codes[4]) == ("less_than_equal", "time_said_twice")
