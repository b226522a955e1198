"""What the commands say: answers on standard output, all else on standard error."""

import json
import sys
from typing import Any


class CommandError(Exception):
    """A command cannot do its work; the text says why and what to do."""


def say(text: str) -> None:
    """Tell the person at the keyboard; never part of a command's answer."""
    print(text, file=sys.stderr, flush=True)


def answer(value: Any, *, as_json: bool, text: str) -> None:
    """Print a command's answer, as one line of JSON when that was asked for."""
    print(json.dumps(value, ensure_ascii=False, default=str) if as_json else text, flush=True)
