"""Every setting is documented as it is: name, default, meaning."""

from pathlib import Path
from typing import Any

import pytest

from app import settings
from app.settings import PREFIX, Settings
from tests.contracts.tree import read

PAGE = read("docs/configuration.md")


def _shown(default: Any) -> str:
    if default is None or default in ("", ()):
        return "none"
    if isinstance(default, bool):
        return "true" if default else "false"
    return f"`{default}`"


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_has_its_row(name: str) -> None:
    field = Settings.model_fields[name]
    assert f"| `{PREFIX}{name.upper()}` | {_shown(field.default)} | {field.description} |" in PAGE


@pytest.mark.parametrize("name", sorted(settings.OTHER_NAMES))
def test_every_other_variable_is_named(name: str) -> None:
    assert f"`{PREFIX}{name}`" in PAGE


def test_the_page_names_no_setting_that_is_gone() -> None:
    named = {line.split("`")[1] for line in PAGE.splitlines() if line.startswith(f"| `{PREFIX}")}
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert named - known - {PREFIX + name for name in settings.OTHER_NAMES} == set()


def test_an_unknown_setting_is_refused_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORNALLOM_BASE_ULR", "http://127.0.0.1:8080")
    with pytest.raises(settings.SettingsError, match="Did you mean TORNALLOM_BASE_URL"):
        settings.load_settings()
