"""The reference of the commands is what the commands say of themselves."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """docs/make_commands.py, which is no package."""
    spec = importlib.util.spec_from_file_location("make_commands", ROOT / "docs" / "make_commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(script: ModuleType) -> None:
    assert script.PAGE.read_text() == script.page(), "run python docs/make_commands.py"


def test_every_command_and_option_is_on_it(script: ModuleType) -> None:
    text = script.PAGE.read_text()
    for package, program in (("flow", "mtj-flow"), ("neuro", "mtj-neuro")):
        for file in (ROOT / package / "commands").glob("[a-z]*.py"):
            assert f"### {program} {file.stem.replace('_', '-')}\n" in text, file
    assert "`--json`" in text
    assert " None " not in text
    assert "StrEnum" not in text
