"""Finding ngspice and OpenVAF, and what is said where they are not as they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from flow.errors import UserError
from flow.toolchain import find_ngspice, find_openvaf, project_root, tool_versions
from flow.toolchain.ngspice import MINIMUM


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_ngspice_is_there_with_its_library() -> None:
    found = find_ngspice()
    assert found.version >= MINIMUM
    assert found.executable.is_file()
    assert found.library.is_file()
    assert "libngspice" in found.library.name


def test_no_ngspice_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="no ngspice on PATH"):
        find_ngspice()


def test_an_old_ngspice_is_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = program(tmp_path / "ngspice", "echo '** ngspice-39.3 : Circuit level simulation program'")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=f"{old} is version 39; {MINIMUM}"):
        find_ngspice()


def test_an_ngspice_that_crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "ngspice", "kill -SEGV $$")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="ended with code -11"):
        find_ngspice()


@pytest.mark.parametrize("library", ["/nonexistent/libngspice.so.0", "libc.so.6"])
def test_a_library_that_is_none(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGSPICE_LIBRARY_PATH", library)
    with pytest.raises(UserError, match="missing or cannot be loaded"):
        find_ngspice()


def test_openvaf_of_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MTJFLOW_OPENVAF", raising=False)
    found = find_openvaf()
    assert found.version.startswith("OpenVAF")
    assert found.executable.is_file()


def test_another_compiler_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = find_openvaf()
    other = tmp_path / "my-openvaf"
    other.symlink_to(real.executable)
    monkeypatch.setenv("MTJFLOW_OPENVAF", str(other))
    assert find_openvaf().executable == other
    assert find_openvaf().version == real.version


def test_a_named_compiler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTJFLOW_OPENVAF", "/nonexistent/openvaf")
    with pytest.raises(UserError, match="no program") as caught:
        find_openvaf()
    assert caught.value.key == "MTJFLOW_OPENVAF"


def test_a_named_compiler_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = program(tmp_path / "openvaf", "echo no such instruction >&2; exit 132")
    monkeypatch.setenv("MTJFLOW_OPENVAF", str(broken))
    with pytest.raises(UserError, match="no such instruction"):
        find_openvaf()


def test_versions_name_every_tool_and_say_what_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = tool_versions()
    assert versions["ngspice"] == str(find_ngspice().version)
    assert versions["openvaf"] == find_openvaf().version
    assert versions["bsimcmg"].startswith("vajax ")
    assert "absent" not in versions.values()
    assert tool_versions() == versions
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tool_versions() == {**versions, "ngspice": "absent"}


def test_project_root_is_the_nearest_project_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path(__file__).resolve().parents[3]
    monkeypatch.chdir(tmp_path)
    assert project_root() == real
    for name in ("veriloga", "spice", "spice/bitcells"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "spice/bitcells")
    assert project_root() == tmp_path
