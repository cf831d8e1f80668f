"""Wheels through the real pip, from a folder instead of a network."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from flow.errors import UserError
from flow.toolchain import bsimcmg, project_root, wheel
from flow.toolchain.files import sha256_of
from flow.toolchain.pins import Pin, read_pins
from flow.toolchain.workspace import workspace


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes wheels from, and nothing else; the cache is beside it."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    monkeypatch.setenv("MTJFLOW_CACHE", str(tmp_path / "cache"))
    return folder


def make_wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    """A minimal wheel (PEP 427)."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in files.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_the_pinned_wheel_is_handed_over_and_then_gone(shelf: Path) -> None:
    made = make_wheel(shelf, "sample", "1.0", {"sample.txt": b"data"})
    with workspace() as work:
        path = wheel.download(Pin("sample", "1.0", (sha256_of(made),)), work)
        assert path.read_bytes() == made.read_bytes()
    assert not path.exists()


def test_another_hash_is_refused_and_leaves_nothing(shelf: Path) -> None:
    make_wheel(shelf, "sample", "1.0", {"sample.txt": b"forged"})
    with pytest.raises(UserError, match="another sha256"), workspace() as work:
        wheel.download(Pin("sample", "1.0", ("0" * 64,)), work)
    assert [path.name for path in (shelf.parent / "cache").iterdir()] == ["setup.lock"]


def test_an_unobtainable_wheel_is_one_line(shelf: Path) -> None:
    with pytest.raises(UserError, match=r"pip could not download absent 1\.0") as caught:
        wheel.download(Pin("absent", "1.0", ("0" * 64,)), shelf.parent)
    assert "\n" not in str(caught.value)


def test_forged_finfet_wheel_leaves_no_sources(shelf: Path, tmp_path: Path) -> None:
    """A wheel of the right name and version with other contents, against the project's own pin."""
    make_wheel(
        shelf, "vajax", read_pins(project_root() / "constraints.txt")["vajax"].version, {"a.txt": b"a"}
    )
    root = tmp_path / "project"
    root.mkdir()
    (root / "constraints.txt").write_text((project_root() / "constraints.txt").read_text())
    with pytest.raises(UserError, match="another sha256"):
        bsimcmg.fetch_bsimcmg(root, lambda _: None)
    assert not (root / bsimcmg.FOLDER).exists()


def finfet_members() -> dict[str, bytes]:
    folder = bsimcmg.find_bsimcmg(project_root()).parent
    return {str(bsimcmg.MEMBERS / path.name): path.read_bytes() for path in folder.iterdir()}


def test_a_genuine_finfet_wheel_replaces_altered_sources(shelf: Path, tmp_path: Path) -> None:
    made = make_wheel(shelf, "vajax", "0.1", finfet_members())
    (tmp_path / "constraints.txt").write_text(f"vajax==0.1  # sha256:{sha256_of(made)}\n")
    folder = tmp_path / bsimcmg.FOLDER
    folder.mkdir(parents=True)
    (folder / "bsimcmg.va").write_text("altered")
    with pytest.raises(UserError, match="differs"):
        bsimcmg.find_bsimcmg(tmp_path)
    bsimcmg.fetch_bsimcmg(tmp_path, lambda _: None)
    assert bsimcmg.find_bsimcmg(tmp_path) == folder / "bsimcmg.va"


def test_one_altered_byte_inside_the_wheel_is_refused(shelf: Path, tmp_path: Path) -> None:
    members = finfet_members()
    name = str(bsimcmg.MEMBERS / "bsimcmg_body.include")
    members[name] = members[name].replace(b"0", b"1", 1)
    made = make_wheel(shelf, "vajax", "0.1", members)
    (tmp_path / "constraints.txt").write_text(f"vajax==0.1  # sha256:{sha256_of(made)}\n")
    with pytest.raises(UserError, match="not the pinned one"):
        bsimcmg.fetch_bsimcmg(tmp_path, lambda _: None)
    assert list((tmp_path / bsimcmg.FOLDER.parent).iterdir()) == []
