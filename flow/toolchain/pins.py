"""`constraints.txt`: the one place that names the version and the hash of what is installed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from flow.errors import UserError

_LINE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;#]+)(?:\s*;[^#]*)?(?:\s+#(?P<note>.*))?"
)
_HASH = re.compile(r"sha256:(\S+)")


@dataclass(frozen=True)
class Pin:
    """One pinned package; `sha256` holds the allowed wheels' hashes where the toolchain enforces them."""

    name: str
    version: str
    sha256: tuple[str, ...] = ()

    @property
    def requirement(self) -> str:
        """The line that pip's hash-checking mode reads."""
        hashes = "".join(f" --hash=sha256:{digest}" for digest in self.sha256)
        return f"{self.name}=={self.version}{hashes}"


def canonical(name: str) -> str:
    """Package name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins(path: Path) -> dict[str, Pin]:
    """Pins of a constraints file by canonical name.

    Raises `UserError` with file and line for anything but `name==version`, comments and blank lines.
    """
    pins: dict[str, Pin] = {}
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", file=path) from None
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise UserError(f"expected name==version, found {line.strip()!r}", file=path, line=number)
        hashes = tuple(_HASH.findall(match["note"] or ""))
        for digest in hashes:
            if not re.fullmatch("[0-9a-f]{64}", digest):
                raise UserError(f"{digest!r} is no sha256", file=path, line=number, key=match["name"])
        name = canonical(match["name"])
        if name in pins:
            raise UserError("pinned twice", file=path, line=number, key=match["name"])
        pins[name] = Pin(match["name"], match["version"], hashes)
    return pins


def hashed_pin(root: Path, name: str) -> Pin:
    """The pin of a wheel that carries foreign binaries or sources; a missing hash is a `UserError`."""
    path = root / "constraints.txt"
    pin = read_pins(path).get(canonical(name))
    if pin is None or not pin.sha256:
        raise UserError("needs a pin with a sha256", file=path, key=name)
    return pin
