"""A place for downloads under way, beside the cache they go to."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flow.toolchain.files import exclusive, sweep
from flow.toolchain.project import cache_directory


@contextmanager
def workspace() -> Iterator[Path]:
    """An empty folder that goes when the block ends, for one setup at a time of all that share the cache.

    One lock serves all downloads, so that the remains of a killed setup can be told from a living one's.
    """
    cache = cache_directory()
    with exclusive(cache / "setup.lock"):
        sweep(cache)
        with tempfile.TemporaryDirectory(prefix=".work.", suffix=".part", dir=cache) as folder:
            yield Path(folder)
