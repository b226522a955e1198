"""Keep the five gettext catalogues whole: one keyed id, five languages, at once.

    catalogue.py add FILE.json [--replace]   add messages (all five languages, or none)
    catalogue.py check                       same ids, placeholders and plural forms everywhere
    catalogue.py unused                      ids that no source file names
    catalogue.py compile FOLDER              <language>.json for each, and the ids for TypeScript
    catalogue.py remove ID...                take ids out of all five languages

FILE.json holds {"need.claim.button": {"en": "...", "el": "...", ... all five}};
a plural is a list of two texts, the form for one and the form for the others.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "app" / "locales"
LANGUAGES = ("en", "el", "ca", "nl", "es")
MESSAGE_ID = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
PLACEHOLDER_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
PLURAL_FORMS = 2
SOURCE_KINDS = {
    "app": ("py", "html", "jinja", "txt", "xml", "js"),
    "frontend/src": ("ts", "svelte", "js", "html"),
}

Text = str | list[str]
Catalogues = dict[str, dict[str, Text]]
NewMessages = Mapping[str, Mapping[str, Text]]


class CatalogueError(Exception):
    """The messages cannot be accepted as they are; one line per fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def read(language: str, folder: Path = LOCALES) -> dict[str, Text]:
    """Return every message of one language; a fuzzy or obsolete one is not a message."""
    path = folder / f"{language}.po"
    if not path.exists():
        return {}
    messages: dict[str, Text] = {}
    for entry in polib.pofile(str(path)):
        if entry.obsolete or entry.fuzzy:
            continue
        plural = [entry.msgstr_plural[form] for form in sorted(entry.msgstr_plural)]
        messages[entry.msgid] = plural if entry.msgid_plural else entry.msgstr
    return messages


def read_all(folder: Path = LOCALES) -> Catalogues:
    return {language: read(language, folder) for language in LANGUAGES}


def write(language: str, messages: Mapping[str, Text], folder: Path = LOCALES) -> None:
    """Replace one catalogue by an atomic rename, ids sorted so that merges stay small."""
    catalogue = polib.POFile(wrapwidth=0)
    catalogue.metadata = {
        "Project-Id-Version": "tornallom",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    for message_id in sorted(messages):
        text = messages[message_id]
        if isinstance(text, list):
            forms = dict(enumerate(text))
            entry = polib.POEntry(msgid=message_id, msgid_plural=message_id, msgstr_plural=forms)
        else:
            entry = polib.POEntry(msgid=message_id, msgstr=text)
        catalogue.append(entry)
    temporary = folder / f".{language}.po.{os.getpid()}"
    temporary.write_text(f"{catalogue}\n".rstrip("\n") + "\n", encoding="utf-8")
    temporary.replace(folder / f"{language}.po")


@contextlib.contextmanager
def locked(folder: Path = LOCALES) -> Iterator[None]:
    """Hold the folder: several people add messages to the same working tree at once."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def placeholders(text: Text) -> set[str]:
    joined = "".join(text) if isinstance(text, list) else text
    return set(PLACEHOLDER.findall(joined))


def _text_faults(message_id: str, language: str, text: object) -> list[str]:
    forms = text if isinstance(text, list) else [text]
    where = f"{message_id} [{language}]"
    if isinstance(text, list) and len(text) != PLURAL_FORMS:
        return [f"{where}: a plural has {PLURAL_FORMS} forms, not {len(text)}"]
    faults = []
    for form in forms:
        if not isinstance(form, str) or not form.strip():
            faults.append(f"{where}: empty text")
            continue
        wrong = [name for name in PLACEHOLDER.findall(form) if not PLACEHOLDER_NAME.match(name)]
        faults += [f"{where}: placeholder {{{name}}} is not a plain name" for name in wrong]
        if PLACEHOLDER.sub("", form).count("{") or PLACEHOLDER.sub("", form).count("}"):
            faults.append(f"{where}: a brace stands alone")
    return faults


def message_faults(message_id: str, texts: Mapping[str, Text]) -> list[str]:
    """Say what is wrong with one message over all its languages."""
    if not MESSAGE_ID.match(message_id):
        return [f"{message_id}: an id is dotted lower-case words, like need.claim.button"]
    missing = [language for language in LANGUAGES if language not in texts]
    unknown = [language for language in texts if language not in LANGUAGES]
    faults = [f"{message_id}: no text for {language}" for language in missing]
    faults += [f"{message_id}: unknown language {language}" for language in unknown]
    for language, text in texts.items():
        faults += _text_faults(message_id, language, text)
    if faults:
        return faults
    kinds = {isinstance(text, list) for text in texts.values()}
    if len(kinds) > 1:
        faults.append(f"{message_id}: a plural in some languages only")
    expected = placeholders(texts["en"])
    for language, text in texts.items():
        if placeholders(text) != expected:
            found = sorted(placeholders(text))
            faults.append(f"{message_id} [{language}]: placeholders {found}, en {sorted(expected)}")
    return faults


def by_message(catalogues: Catalogues) -> dict[str, dict[str, Text]]:
    messages: dict[str, dict[str, Text]] = {}
    for language, texts in catalogues.items():
        for message_id, text in texts.items():
            messages.setdefault(message_id, {})[language] = text
    return messages


def faults(catalogues: Catalogues) -> list[str]:
    messages = by_message(catalogues)
    return [fault for name in sorted(messages) for fault in message_faults(name, messages[name])]


def add(new: NewMessages, *, replace: bool, folder: Path = LOCALES) -> int:
    """Add messages to every language, or to none when one of them is not right."""
    found = [fault for name, texts in new.items() for fault in message_faults(name, texts)]
    if found:
        raise CatalogueError(found)
    with locked(folder):
        catalogues = read_all(folder)
        clashes = _clashes(new, catalogues)
        if clashes and not replace:
            raise CatalogueError([f"{name}: already there with another text" for name in clashes])
        for language in LANGUAGES:
            catalogues[language].update({name: texts[language] for name, texts in new.items()})
            write(language, catalogues[language], folder)
    return len(new)


def _clashes(new: NewMessages, catalogues: Catalogues) -> list[str]:
    return sorted(
        name
        for name, texts in new.items()
        if any(catalogues[lang].get(name, texts[lang]) != texts[lang] for lang in LANGUAGES)
    )


def remove(message_ids: list[str], folder: Path = LOCALES) -> int:
    with locked(folder):
        catalogues = read_all(folder)
        gone = [name for name in message_ids if name in catalogues["en"]]
        for language in LANGUAGES:
            kept = {k: v for k, v in catalogues[language].items() if k not in gone}
            write(language, kept, folder)
    return len(gone)


def source_text(root: Path = ROOT) -> str:
    """Return all source that may name a message id, as one text."""
    patterns = [f"{top}/**/*.{kind}" for top, kinds in SOURCE_KINDS.items() for kind in kinds]
    paths = sorted({path for pattern in patterns for path in root.glob(pattern)})
    return "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in paths if p.is_file())


QUOTED_ID = re.compile(r"""["'`]([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)["'`]""")
# "need.state.{state}", `need.state.${state}`, "need.state." ~ state, "need.state." + state
DYNAMIC_PREFIX = re.compile(
    r"""["'`]((?:[a-z][a-z0-9_]*\.)+(?:[a-z0-9_]*_)?)(?:\{|\$\{|["']\s*[~+])"""
)


def unused(message_ids: set[str], text: str) -> list[str]:
    """Return ids named neither whole nor by the fixed beginning of a computed one."""
    named = set(QUOTED_ID.findall(text))
    prefixes = tuple(set(DYNAMIC_PREFIX.findall(text)))
    return sorted(name for name in message_ids - named if not name.startswith(prefixes))


def compile_to(folder: Path, catalogues: Catalogues) -> None:
    """Write <language>.json and ids.ts, for a client that bundles its texts."""
    folder.mkdir(parents=True, exist_ok=True)
    for language, messages in catalogues.items():
        body = json.dumps(messages, ensure_ascii=False, indent=1, sort_keys=True)
        (folder / f"{language}.json").write_text(body + "\n", encoding="utf-8")
    names = "".join(f'\n  | "{name}"' for name in sorted(catalogues["en"]))
    union = f"export type MessageId ={names or ' never'};\n"
    (folder / "ids.ts").write_text(union, encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    commands = parser.add_subparsers(dest="command", required=True)
    adding = commands.add_parser("add")
    adding.add_argument("file", type=Path)
    adding.add_argument("--replace", action="store_true")
    commands.add_parser("check")
    commands.add_parser("unused")
    commands.add_parser("compile").add_argument("folder", type=Path)
    commands.add_parser("remove").add_argument("ids", nargs="+")
    return parser


def _report(lines: list[str], good: str) -> int:
    print("\n".join(lines) if lines else good)
    return 1 if lines else 0


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.command == "add":
            new = json.loads(options.file.read_text(encoding="utf-8"))
            return _report([], f"{add(new, replace=options.replace)} messages added")
        if options.command == "remove":
            return _report([], f"{remove(options.ids)} messages removed")
    except CatalogueError as error:
        return _report(error.faults, "")
    catalogues = read_all()
    if options.command == "check":
        return _report(faults(catalogues), f"{len(catalogues['en'])} messages in 5 languages")
    if options.command == "unused":
        return _report(unused(set(catalogues["en"]), source_text()), "every message is used")
    compile_to(options.folder, catalogues)
    return _report([], f"compiled to {options.folder}")


if __name__ == "__main__":
    sys.exit(main())
