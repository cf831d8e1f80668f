"""What a training was made from, for its trace: `mtj-neuro explain` and `replay` go by it."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

from flow.table import collect, project_root
from neuro.dataset import data_files


def training_provenance(inputs: Iterable[Path | None], data: Path | None, seed: int) -> str:
    """Hashes of input files and images, versions, seed, command and commit, as JSON text by key.

    The keys are those of a bitcell table's provenance. `inputs` that are None are passed over; `data` is the
    directory of the images, None for the usual one.
    """
    files = [file for file in inputs if file is not None]
    found = collect(
        root=project_root(),
        inputs=[*files, *data_files(data)],
        tools={"python": platform.python_version()},
        seeds={"training": seed},
        command=["mtj-neuro", *sys.argv[1:]],
    )
    return json.dumps(found.as_dict(), sort_keys=True)
