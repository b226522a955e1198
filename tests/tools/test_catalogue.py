"""The catalogue tool accepts a message in five languages, or nothing."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.infra import i18n
from tools import catalogue
from tools.catalogue import LANGUAGES, CatalogueError, Text


def five(text: Text) -> dict[str, Text]:
    return dict.fromkeys(LANGUAGES, text)


def test_both_readers_agree_on_what_the_writer_wrote(tmp_path: Path) -> None:
    awkward = 'He said "{n}\\t",\n\tthen left'
    catalogue.add(
        {"a.b": five(awkward), "a.c": five(["{n} one", "{n} more"])}, replace=False, folder=tmp_path
    )
    written = (tmp_path / "el.po").read_text(encoding="utf-8")
    assert catalogue.read("el", tmp_path) == {"a.b": awkward, "a.c": ["{n} one", "{n} more"]}
    assert i18n.parse_catalogue(written) == {"a.b": awkward, "a.c": ("{n} one", "{n} more")}


@pytest.mark.parametrize(
    ("name", "texts", "fault"),
    [
        ("a.b", {"en": "x"}, "no text for el"),
        ("a.b", {**five("x"), "fr": "x"}, "unknown language fr"),
        ("a.b", {**five("x"), "ca": "  "}, "empty text"),
        ("a.b", {**five("x {n}"), "ca": "x {m}"}, "placeholders"),
        ("a.b", {**five("x"), "ca": ["x", "y"]}, "plural in some languages"),
        ("a.b", five(["only one"]), "2 forms"),
        ("a.b", five("x {n.real}"), "not a plain name"),
        ("a.b", five("x { y"), "stands alone"),
        ("Wrong Id", five("x"), "dotted"),
    ],
)
def test_what_is_not_right_changes_nothing(
    tmp_path: Path, name: str, texts: dict[str, Text], fault: str
) -> None:
    catalogue.add({"a.a": five("kept")}, replace=False, folder=tmp_path)
    with pytest.raises(CatalogueError, match=fault):
        catalogue.add({"a.fine": five("x"), name: texts}, replace=False, folder=tmp_path)
    assert catalogue.read("en", tmp_path) == {"a.a": "kept"}


def test_a_text_is_replaced_only_when_asked(tmp_path: Path) -> None:
    catalogue.add({"a.b": five("old")}, replace=False, folder=tmp_path)
    catalogue.add({"a.b": five("old")}, replace=False, folder=tmp_path)
    with pytest.raises(CatalogueError, match="already there"):
        catalogue.add({"a.b": five("new")}, replace=False, folder=tmp_path)
    catalogue.add({"a.b": five("new")}, replace=True, folder=tmp_path)
    assert catalogue.read("nl", tmp_path) == {"a.b": "new"}


def test_many_who_add_at_once_lose_nothing(tmp_path: Path) -> None:
    def add_one(number: int) -> None:
        catalogue.add({f"many.m{number}": five("x")}, replace=False, folder=tmp_path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_one, range(40)))
    assert all(len(catalogue.read(language, tmp_path)) == 40 for language in LANGUAGES)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{x}.po" for x in LANGUAGES)


def test_a_computed_id_counts_by_its_fixed_beginning() -> None:
    source = """
        translate(language, "need.title")
        {{ t("need.state." ~ need.state) }}
        t(`claim.state.${claim.state}`) + f"error.{code}"
    """
    ids = {"need.title", "need.state.open", "claim.state.done", "error.x", "need.lost"}
    assert catalogue.unused(ids, source) == ["need.lost"]


def test_the_command_line_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new.json"
    file.write_text(json.dumps({"a.b": {"en": "x"}}), encoding="utf-8")
    assert catalogue.main(["add", str(file)]) == 1
    assert "a.b: no text for el" in capsys.readouterr().out


def test_compiled_texts_carry_their_ids(tmp_path: Path) -> None:
    texts = {language: {"a.b": "x", "a.c": ["y", "z"]} for language in LANGUAGES}
    catalogue.compile_to(tmp_path, texts)  # type: ignore[arg-type]
    assert json.loads((tmp_path / "es.json").read_text()) == texts["es"]
    assert (tmp_path / "ids.ts").read_text() == 'export type MessageId =\n  | "a.b"\n  | "a.c";\n'
