"""What `mtj-flow setup` provides and `mtj-flow doctor` looks for: one list, so they cannot differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flow.errors import UserError
from flow.toolchain import bsimcmg, linker, mnist, models, ngspice, openvaf
from flow.toolchain.pins import hashed_pin

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """What a part turned out to be."""

    version: str
    path: Path
    note: str = ""

    def __str__(self) -> str:
        return ", ".join(text for text in (self.version, str(self.path), self.note) if text)


@dataclass(frozen=True)
class Part:
    """Something foreign that the flow needs.

    `find` describes it, or raises `UserError` saying what is wrong; `provide` brings it; `mend` is the
    command a person runs to the same end.
    """

    name: str
    find: Callable[[], Found]
    provide: Callable[[Tell], None]
    mend: str


def parts(root: Path, data_dir: Path | None = None) -> list[Part]:
    """All parts, each after those it builds on. `data_dir` holds a user's own copy of the MNIST files."""

    def provide_mnist(tell: Tell) -> None:
        if data_dir is None:
            mnist.fetch_mnist(root, tell)
        else:
            mnist.copy_mnist(data_dir)

    def provide_models(tell: Tell) -> None:
        models.build_models(root, tell)

    def find_simulator() -> Found:
        found = ngspice.find_ngspice()
        return Found(str(found.version), found.executable, f"OSDI, {found.library}")

    def find_compiler() -> Found:
        found = openvaf.check_openvaf(root)
        return Found(found.version, found.executable)

    def find_linker() -> Found:
        return Found("", linker.find_linker())

    def find_finfet() -> Found:
        path = bsimcmg.find_bsimcmg(root)
        return Found(f"{bsimcmg.PACKAGE} {hashed_pin(root, bsimcmg.PACKAGE).version}", path)

    def find_digits() -> Found:
        return Found(mnist.PACKAGE, mnist.find_mnist())

    def find_models() -> Found:
        stale = models.stale_models(root)
        if stale:
            raise UserError(f"not compiled, or older than their sources: {', '.join(stale)}")
        return Found("up to date", root / models.FOLDER, ", ".join(models.model_sources(root)))

    return [
        Part("ngspice", find_simulator, ngspice.install_ngspice, f"make setup, or {ngspice.hint()}"),
        Part("OpenVAF", find_compiler, lambda tell: openvaf.install_openvaf(root, tell), "make setup"),
        Part("linker", find_linker, linker.install_linker, f"make setup, or {linker.HINT}"),
        Part("BSIM-CMG", find_finfet, lambda tell: bsimcmg.fetch_bsimcmg(root, tell), "make setup"),
        Part("MNIST", find_digits, provide_mnist, "make setup"),
        Part("compact models", find_models, provide_models, "make build"),
    ]
