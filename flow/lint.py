"""Lint: every mistake and oddity of the designer's files at once, with file, line and key.

The checks before a run stop at the first mistake; these go on. Errors are what a run would refuse or what
cannot be meant; warnings are what a designer may want on purpose (a boosted word line).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.bitcell import cell_fins
from flow.measure.inspection import check_cell
from flow.spec import (
    CardSpec,
    CellSpec,
    DeviceSpec,
    load_card,
    load_cell,
    load_device,
    load_study,
    select_variant,
)
from flow.spice.netlist import check, parse
from flow.spice.osdi import Module, read_modules
from flow.toml import line_of
from flow.toolchain import build_models

Severity = Literal["error", "warning"]
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_WARNING = re.compile(r"(?P<file>.+?):(?P<line>\d+): (?P<key>[^:]+): (?P<message>.+)\Z", re.DOTALL)
_FETCH = re.compile(r"\s*\.lib\s+[\"']?(?P<file>[^\s\"']+)[\"']?\s+(?P<section>\w+)", re.IGNORECASE)
_WITHOUT_P = ("wlb", "nw")
"""Ports that lead nowhere in a cell without a p-FinFET; testbenches connect the six ports of every cell."""

_OVERDRIVE = 1.1
"""Gate voltage over the supply, beyond which the gate oxide is said to be stressed."""

# Where a value in SI units lies; far outside it is in another unit (0.85 for 0.85 nm).
_PLAUSIBLE = {
    "d": (1e-9, 1e-6), "t_fl": (1e-10, 1e-8), "t_ox_t": (1e-10, 5e-9), "t_ox_b": (1e-10, 5e-9),
    "t_ref": (1e-10, 5e-9), "area_scale": (0.01, 100.0), "tmr0": (0.01, 20.0), "tmr0_t": (0.01, 20.0),
    "tmr0_b": (0.01, 20.0), "ra_ref": (1e-14, 1e-9), "phi": (0.05, 5.0), "v_h": (0.01, 5.0),
    "v_h_pol": (0.01, 5.0), "ms": (1e4, 3e6), "alpha": (1e-4, 1.0), "eta": (0.01, 1.0), "k_i": (1e-6, 1e-1),
}  # fmt: skip
_PULSE = (1e-11, 1e-3)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or odd, and where."""

    severity: Severity
    message: str
    file: str
    line: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        error = UserError(self.message, file=self.file, line=self.line, key=self.key)
        return f"{self.severity}: {error}"

    def as_json(self) -> dict[str, str | int | None]:
        """The finding in a JSON document."""
        return asdict(self)


def lint(root: Path, targets: Iterable[str], tell: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Check cells (by name) and files; nothing named means everything in spice/ and study.toml.

    Returns:
        Findings in the order of the files, each once.

    Raises:
        UserError: a target that is neither a cell nor a file of a kind that is known here.
    """
    linter = _Linter(root, tell)
    spice = root / "spice"
    wanted = list(targets)
    if not wanted:
        wanted = [path.stem for path in sorted((spice / "bitcells").glob("*.toml"))]
        files = [*spice.glob("bitcells/*.cir"), *spice.glob("devices/*.toml"), *spice.glob("models/*.*")]
        files += [*spice.glob("testbenches/*.cir"), root / "study.toml", *root.glob("studies/*.toml")]
        wanted += [str(path) for path in sorted(files)]
    for target in wanted:
        linter.look_at(target)
    return linter.findings()


class _Linter:
    def __init__(self, root: Path, tell: Callable[[str], None]) -> None:
        self.root = root
        self.tell = tell
        self.found: dict[Finding, None] = {}
        self.seen: set[str] = set()
        self.osdi: tuple[Path, ...] | None = None
        self.modules: dict[str, Module] = {}

    def findings(self) -> list[Finding]:
        return sorted(self.found, key=lambda finding: (finding.file, finding.line or 0, finding.severity))

    def look_at(self, target: str) -> None:
        """One cell or file; a cell's two files both mean the cell."""
        path = Path(target)
        cell = path.stem if path.parent.name == "bitcells" or not path.suffix else None
        if cell is not None and path.suffix in ("", ".cir", ".toml"):
            # A cell's name holds no folder, except where one of its files was meant.
            folder = path.parent if path.suffix else self.root / "spice" / "bitcells"
            if (folder / f"{cell}.toml").exists() or (folder / f"{cell}.cir").exists():
                return self._once(f"cell {cell}", lambda: self._cell(folder, cell))
            known = ", ".join(sorted(p.stem for p in (self.root / "spice/bitcells").glob("*.toml")))
            raise UserError(f"no such cell or file; cells: {known}", file=target)
        if not path.exists():
            raise UserError("no such cell or file", file=target)
        looks: dict[tuple[str, str], Callable[[Path], object]] = {
            ("devices", ".toml"): self._device,
            ("models", ".toml"): self._card,
            ("models", ".lib"): self._library,
            ("testbenches", ".cir"): self._testbench,
        }
        look = looks.get((path.parent.name, path.suffix))
        if path.name == "study.toml" or (path.parent.name, path.suffix) == ("studies", ".toml"):
            look = self._study
        if look is None:
            raise UserError(
                "is no file that can be checked: bitcells/*.cir and .toml, devices/*.toml, models/*.lib and "
                ".toml, testbenches/*.cir, study.toml, studies/*.toml",
                file=path,
            )
        wanted = look
        self._once(str(path.resolve()), lambda: wanted(path))

    def _once(self, name: str, look: Callable[[], object]) -> None:
        if name not in self.seen:
            self.seen.add(name)
            look()

    # ---- findings -----------------------------------------------------------------------------------

    def _add(self, severity: Severity, message: str, file: Path, line: int | None, key: str | None) -> None:
        self.found[Finding(severity, message, self._shown(file), line, key)] = None

    def _shown(self, file: str | Path) -> str:
        path = Path(file)
        resolved, root = path.resolve(), self.root.resolve()
        return str(resolved.relative_to(root)) if resolved.is_relative_to(root) else str(path)

    def _try(
        self, do: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result | None:
        """The result, or None and an error among the findings."""
        try:
            return do(*args, **kwargs)
        except UserError as error:
            file = self._shown(error.file) if error.file else ""
            self.found[Finding("error", error.message, file, error.line, error.key)] = None
            return None

    def _toml(self, severity: Severity, file: Path, keys: tuple[str, ...], message: str) -> None:
        text = file.read_text(encoding="utf-8", errors="replace")
        self._add(severity, message, file, line_of(text, keys), ".".join(keys))

    def _warnings(self, lines: Iterable[str], without: tuple[str, ...] = ()) -> None:
        for line in lines:
            match = _WARNING.match(line)
            if match is None:
                self._add("warning", line, self.root, None, None)
            elif match["key"] not in without:
                self._add("warning", match["message"], Path(match["file"]), int(match["line"]), match["key"])

    # ---- files --------------------------------------------------------------------------------------

    def _models(self) -> tuple[Path, ...] | None:
        if self.osdi is None:
            built = self._try(build_models, self.root, self.tell)
            self.osdi = () if built is None else tuple(model.path for model in built.values())
            for path in self.osdi:
                self.modules.update(self._try(read_modules, path) or {})
        return self.osdi or None

    def _device(self, path: Path) -> DeviceSpec | None:
        spec = self._try(load_device, path)
        if spec is None:
            return None
        for name, quantity in spec.parameters.items():
            self._plausible(path, ("parameters", name), name, quantity.value)
            if not quantity.provenance.strip():
                self._toml("warning", path, ("parameters", name), "says nothing of where it comes from")
        if not 200 <= spec.temperature.value <= 450:
            self._toml("warning", path, ("temperature",), f"{spec.temperature.value:g} K is far from use")
        for name, spread in spec.variation.items():
            if spread.sigma > 0.2:
                self._toml("warning", path, ("variation", name), f"sigma of {100 * spread.sigma:g} %")
        return spec

    def _plausible(self, file: Path, keys: tuple[str, ...], name: str, value: float) -> None:
        low, high = _PLAUSIBLE.get(name, (-float("inf"), float("inf")))
        if not low <= value <= high:
            message = f"{value:g} is outside {low:g} to {high:g}: values are in SI units"
            self._toml("error", file, keys, message)

    def _card(self, path: Path) -> CardSpec | None:
        if not path.with_suffix(".lib").exists():
            self._add("error", f"there is no {path.stem}.lib beside it", path, None, None)
        return self._try(load_card, path)

    def _library(self, path: Path) -> None:
        if not path.with_suffix(".toml").exists():
            self._add("error", f"there is no {path.stem}.toml beside it", path, None, None)
        card = self._try(parse, path, root=self.root)
        if card is None or self._models() is None:
            return
        self._borrowed(path)
        if "tt" not in card.sections:
            self._add("warning", "has no section tt, the typical corner", path, None, None)
        for name, section in card.sections.items():
            found = self._try(check, section, modules=self.modules, parameters=_parameters(card))
            self._warnings(found or ())
            corner = bool(section.parameters) or name == "tt"
            for model in ("nfet", "pfet"):
                if corner and model not in section.models:
                    self._add("warning", f"section {name} has no model {model}", path, None, name)

    def _borrowed(self, path: Path) -> None:
        """A copied card that still fetches the models of the one it was copied from."""
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            match = _FETCH.match(line)
            if match is not None and Path(match["file"]).name != path.name:
                message = f"takes the section {match['section']} from {match['file']}, not from this file"
                self._add("warning", message, path, number, ".lib")

    def _testbench(self, path: Path) -> None:
        bench = self._try(parse, path, root=self.root)
        if bench is None:
            return
        for element in bench.elements.values():
            if element.model == "cell" and len(element.nodes) != 6:
                message = "connects the cell by other than its six ports bl sl wl wlb nw pw"
                self._add("error", message, element.file, element.line, element.name)

    def _study(self, path: Path) -> None:
        study = self._try(load_study, path)
        if study is None:
            return
        spice = self.root / "spice"
        trained, wanted = _names(study.training, "cells"), _names(study.training, "variants")
        cells = [(("characterize", "cells"), name) for name in study.characterize.cells]
        cells += [(("training", "cells"), name) for name in trained]
        cells += [(("variants", name), name) for name in study.variants]
        for keys, name in cells:
            if not (spice / "bitcells" / f"{name}.toml").exists():
                self._toml("error", path, keys, f"no bitcell {name!r}")
        for name in study.characterize.cards:
            if not (spice / "models" / f"{name}.toml").exists():
                self._toml("error", path, ("characterize", "cards"), f"no card {name!r}")
        for name in trained:
            if (spice / "bitcells" / f"{name}.toml").exists():
                spec = self._try(load_cell, spice / "bitcells" / f"{name}.toml")
                known = {*(() if spec is None else spec.variants), *study.variants.get(name, ())}
                for variant in wanted:
                    if spec is not None and variant not in known:
                        message = f"{name} has no variant {variant!r}"
                        self._toml("error", path, ("training", "variants"), message)

    # ---- cells --------------------------------------------------------------------------------------

    def _cell(self, folder: Path, name: str) -> None:
        netlist, settings = folder / f"{name}.cir", folder / f"{name}.toml"
        for file, other in ((netlist, settings), (settings, netlist)):
            if not file.exists():
                self._add("error", f"there is no {file.name} beside it", other, None, None)
        if netlist.exists():
            self._try(parse, netlist, root=self.root)
        spec = self._try(load_cell, settings) if settings.exists() else None
        if spec is None:
            return
        device_file = self.root / "spice" / "devices" / f"{spec.device}.toml"
        card_file = self.root / "spice" / "models" / f"{spec.card}.toml"
        device, card = self._device(device_file), self._card(card_file)
        osdi = self._models()
        if card is not None:
            self._limits(settings, spec, card)
        if device is None or card is None or osdi is None or not netlist.exists():
            return
        if folder.resolve() != (self.root / "spice" / "bitcells").resolve():
            message = f"does not lie in the project's spice/bitcells ({self.root})"
            self._add("error", message, netlist, None, None)
            return
        benches = [
            Bench(self.root, name, variant, spec, select_variant(spec, variant, settings), device, card, osdi)
            for variant in spec.variants
        ]
        fins = self._try(cell_fins, benches[0])
        without = () if fins is None or "pfet" in fins else _WITHOUT_P
        for bench in benches:
            self._warnings(self._try(check_cell, bench) or (), without)
        if fins is not None:
            self._gates(settings, spec, card, fins)

    def _limits(self, file: Path, spec: CellSpec, card: CardSpec) -> None:
        for name, variant in spec.variants.items():
            keys = ("variants", name)
            for parameter, value in variant.parameters.items():
                self._plausible(file, (*keys, "parameters"), parameter, value)
            for key in ("write_pulse", "read_pulse"):
                pulse = getattr(variant, key)
                if not _PULSE[0] <= pulse <= _PULSE[1]:
                    message = f"{pulse:g} s is outside {_PULSE[0]:g} to {_PULSE[1]:g} s: pulses are in s"
                    self._toml("error", file, (*keys, key), message)
                elif pulse <= spec.write.edge:
                    message = f"a pulse of {pulse:g} s has no room for edges of {spec.write.edge:g} s"
                    self._toml("error", file, (*keys, key), message)
        if spec.read.max_voltage > spec.write.max_voltage:
            self._toml("warning", file, ("read", "max_voltage"), "reads reach further than writes")
        if spec.bias.p_well > 0:
            self._toml(
                "error",
                file,
                ("bias", "p_well"),
                "a p-well above the lines at 0 V forward biases the n-FinFET's junctions",
            )
        for key, rate in (("wer", spec.write.wer), ("rdr", spec.read.rdr)):
            if rate > 0.01:
                self._toml(
                    "warning", file, ("write" if key == "wer" else "read", key), "is a high error rate"
                )

    def _gates(self, file: Path, spec: CellSpec, card: CardSpec, fins: dict[str, float]) -> None:
        for keys, severity, message in _gate_findings(spec, card["vdd"], fins):
            self._toml(severity, file, keys, message)


def _gate_findings(
    spec: CellSpec, vdd: float, fins: dict[str, float]
) -> Iterator[tuple[tuple[str, ...], Severity, str]]:
    """Gates, wells and lines against each other: keys in the TOML, severity, message."""
    bias, reach = spec.bias, spec.write.max_voltage
    limit = _OVERDRIVE * vdd
    if "nfet" in fins:
        if bias.wl_selected <= bias.wl_unselected:
            yield ("bias", "wl_selected"), "error", "is not above wl_unselected: the n-FinFET never opens"
        if bias.wl_selected - bias.p_well > limit:
            over = f"{bias.wl_selected - bias.p_well:g} V on the n-FinFET's gate, supply {vdd:g} V"
            yield ("bias", "wl_selected"), "warning", f"{over}: a boosted word line stresses the gate oxide"
        if bias.wl_unselected > 0:
            yield ("bias", "wl_unselected"), "warning", "is above 0 V: unselected cells leak"
    if "pfet" in fins:
        if bias.wlb_selected >= bias.wlb_unselected:
            yield ("bias", "wlb_selected"), "error", "is not below wlb_unselected: the p-FinFET never opens"
        if bias.n_well - bias.wlb_selected > limit:
            over = f"{bias.n_well - bias.wlb_selected:g} V between the n-well and the p-FinFET's gate"
            yield (
                ("bias", "wlb_selected"),
                "warning",
                f"{over}, supply {vdd:g} V: stressed where a line reaches the well's voltage",
            )
        if reach > bias.n_well:
            yield (
                ("write", "max_voltage"),
                "warning",
                f"{reach:g} V is beyond the n-well at {bias.n_well:g} V: a write above it forward biases the "
                "p-FinFET's junctions",
            )
        if bias.wlb_unselected < bias.n_well:
            yield (
                ("bias", "wlb_unselected"),
                "warning",
                f"is below the n-well at {bias.n_well:g} V: half-selected p-FinFETs open early",
            )


def _names(table: dict[str, object], key: str) -> list[str]:
    """The list of names `key` of a table that only neuro checks in full."""
    found = table.get(key)
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _parameters(card: object) -> frozenset[str]:
    """Names that any section of a card defines: a section without them is fetched by one that has them."""
    sections = getattr(card, "sections", {})
    return frozenset(name for section in sections.values() for name in section.parameters)
