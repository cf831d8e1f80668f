"""Where the project and its downloads live."""

from __future__ import annotations

import os
from pathlib import Path


def project_root() -> Path:
    """Folder that holds `veriloga/` and `spice/`: the nearest one upwards from the working directory.

    A designer may keep a copy of the project (without git) beside others; the copy one stands in wins.
    Anywhere else it is the folder that the `flow` package was installed from.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "veriloga").is_dir() and (folder / "spice").is_dir():
            return folder
    return Path(__file__).resolve().parents[2]


def cache_directory() -> Path:
    """Folder for downloads shared by all checkouts: `MTJFLOW_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("MTJFLOW_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    # Imported here: networks and devices are computed without a download on machines that lack it.
    import platformdirs

    return Path(platformdirs.user_cache_dir("mtjflow"))


def file_within(root: Path, name: str) -> Path | None:
    """The file `name` of the project `root`; None if there is none.

    A table from elsewhere may name any path: only the project's own files are looked at.
    """
    place = (root / name).resolve()
    return place if place.is_relative_to(root.resolve()) and place.is_file() else None
