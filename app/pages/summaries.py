"""The list of what was wrong with a form says of each sentence which field it is about.

The list stands above the fields, whose names are only known once the page is written.
"""

import re

# In Greek a question ends with what others call a semicolon.
QUESTION_MARKS = ("?", ";", "\u037e")
_LIST = re.compile(r'<div class="notice bad" role="alert" id="problems".*?</ul>', re.DOTALL)
_FIELD = re.compile(r'<a href="#(?P<name>[\w-]+)" data-field>(?P<text>[^<]*)</a>')
_LABEL = r'(?:<label for="{0}">|<fieldset[^>]* id="{0}"[^>]*>\s*<legend>)(?P<label>[^<]+)'


def with_names(page: str) -> str:
    """Return a page whose list of faults names its fields, and links only to what is there."""
    found = _LIST.search(page)
    if found is None:
        return page
    named = _FIELD.sub(lambda link: _named(page, link), found[0])
    return page[: found.start()] + named + page[found.end() :]


def _named(page: str, link: re.Match[str]) -> str:
    name, text = link["name"], link["text"]
    label = re.search(_LABEL.format(re.escape(name)), page)
    said = f"{_before(label['label'].strip().rstrip(':'))} {text}" if label else text
    return f'<a href="#{name}">{said}</a>' if f' id="{name}"' in page else said


def _before(label: str) -> str:
    """Return a label as it stands before a sentence; a question has its mark already."""
    return label if label.endswith(QUESTION_MARKS) else f"{label}:"
