"""The project as a whole: licence, pins, make targets, help texts."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from flow.toolchain.pins import canonical, read_pins

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ["setup", "wheels", "build", "characterize", "train", "oxide", "report", "test"]
TARGETS += ["bench", "lint", "docs", "clean", "help"]


def metadata() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def programs() -> dict[str, typer.Typer]:
    import flow.cli
    import neuro.cli

    return {"mtj-flow": flow.cli.app, "mtj-neuro": neuro.cli.app}


def commands() -> list[tuple[str, str]]:
    """Program and name of every command."""
    found = []
    for program, app in programs().items():
        if app.registered_commands:
            found += [(program, name) for name in group(app).commands]
    return found


def group(app: typer.Typer) -> Any:
    return typer.main.get_group(app)


@pytest.mark.parametrize(("program", "command"), commands())
def test_help_of_every_command(program: str, command: str) -> None:
    result = CliRunner().invoke(programs()[program], [command, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage" in result.output


@pytest.mark.parametrize(("program", "command"), commands())
def test_every_command_speaks_json(program: str, command: str) -> None:
    parameters = group(programs()[program]).commands[command].params
    assert "--json" in [option for parameter in parameters for option in parameter.opts]


def test_every_dependency_is_pinned() -> None:
    project = metadata()
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {canonical(re.split(r"[^A-Za-z0-9._-]", line)[0]) for group in groups for line in group}
    assert names <= set(read_pins(ROOT / "constraints.txt"))


def test_pins_are_closed() -> None:
    """Whatever a pinned and installed package requires here is pinned too."""
    from packaging.requirements import Requirement

    pins = read_pins(ROOT / "constraints.txt")
    loose = set()
    for name in pins:
        try:
            requirements = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for requirement in map(Requirement, requirements):
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            # The CUDA build of torch brings NVIDIA's libraries, which it pins itself.
            if wanted and name != "torch" and canonical(requirement.name) not in pins:
                loose.add(f"{requirement.name} (by {name})")
    assert loose == set()


def test_licence_is_the_full_text_of_the_gpl() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert "Version 3, 29 June 2007" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert metadata()["license"] == "GPL-3.0-or-later"


def make(*arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS")}
    done = subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_make_explains_every_target() -> None:
    told = re.findall(r"^  make (\w+) +\S", make(), re.MULTILINE)
    assert told == TARGETS


def test_make_train_runs_the_whole_way_in_order() -> None:
    plan = make("--dry-run", "train")
    steps = re.findall(r"mtj-(?:flow|neuro) \w+", plan)
    train = ["mtj-neuro train"] * 2  # the characterised cells in both models (one loop), the published cells
    assert steps == ["mtj-flow setup", "mtj-flow characterize", *train, "mtj-neuro report"]
    assert "for model in neurosim physical" in plan


def test_make_test_sets_up_and_leaves_out_the_slow_tests() -> None:
    text = make("--dry-run", "test", "JOBS=3", "ARGS=-k word")
    assert text.index("mtj-flow setup") < text.index("pytest -n 3")
    assert '-m "not slow" -k word' in text


def test_ci_runs_what_a_user_runs() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    lines = [line for line in script.read_text().splitlines() if line and not line.startswith("#")]
    assert lines == ["set -euo pipefail", 'cd "$(dirname "${BASH_SOURCE[0]}")/.."', "make test"]
