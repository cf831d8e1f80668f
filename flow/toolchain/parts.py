"""What `mtj-flow setup` provides and `mtj-flow doctor` looks for: one list, so they cannot differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flow.errors import UserError
from flow.toolchain import bsimcmg, mnist, models, ngspice, openvaf

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Part:
    """Something foreign that the flow needs.

    `find` describes it, or raises `UserError` saying what is wrong; `provide` brings it; `mend` is the
    command a person runs to the same end.
    """

    name: str
    find: Callable[[], str]
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

    def find_simulator() -> str:
        found = ngspice.find_ngspice()
        return f"{found.version} with OSDI, {found.executable}, {found.library}"

    def find_compiler() -> str:
        found = openvaf.check_openvaf(root)
        return f"{found.version}, {found.executable}"

    def find_models() -> str:
        stale = models.stale_models(root)
        if stale:
            raise UserError(f"not compiled, or older than their sources: {', '.join(stale)}")
        return ", ".join(models.model_sources(root)) + f" in {models.FOLDER}"

    return [
        Part("ngspice", find_simulator, ngspice.install_ngspice, f"make setup, or {ngspice.hint()}"),
        Part("OpenVAF", find_compiler, lambda tell: openvaf.install_openvaf(root, tell), "make setup"),
        Part(
            "BSIM-CMG",
            lambda: str(bsimcmg.find_bsimcmg(root)),
            lambda tell: bsimcmg.fetch_bsimcmg(root, tell),
            "make setup",
        ),
        Part("MNIST", lambda: str(mnist.find_mnist()), provide_mnist, "make setup"),
        Part("compact models", find_models, provide_models, "mtj-flow build"),
    ]
