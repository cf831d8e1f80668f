"""What the array model needs to know of a FinFET card, measured in ngspice.

Definitions (all at vdd and the given temperature; widths are effective, 2 h_fin + w_fin per fin):

* Ion: |I_D| at |V_GS| = |V_DS| = vdd. Ioff: |I_D| at V_GS = 0, |V_DS| = vdd.
* Subthreshold swing: steepest decade of I_D(V_GS) at |V_DS| = vdd, more than 3 decades below Ion.
* DIBL: shift of the threshold between |V_DS| = 50 mV and vdd over that difference; the threshold is
  where I_D = 100 nA x W/L.
* Linear resistance: |V_DS| over |I_D| times width at |V_GS| = vdd and |V_DS| = 50 mV, of the n-FinFET: an
  ON switch between nodes near ground, where the p-FinFET beside it is off.
* Gate capacitance: small-signal C_gg in inversion, |V_GS| = vdd and V_DS = 0, n and p averaged.
* Drain capacitance: C_dd at V_GS = 0, |V_DS| = vdd, n and p averaged.
* Effective resistance multiplier kappa: an inverter inside a fan-out-of-four chain has a 50 % delay
  t = ln(2) R C with C = four inverter gates and its own drains, by the capacitances above; kappa =
  R Ion/vdd, rise and fall averaged. So the product R C of the array model gives SPICE's delay.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flow.spec import CardSpec
from flow.spice.deck import render
from flow.spice.session import Session, SimulatorError, Waveforms
from flow.table import Quantity, known

_LOW_DRAIN = 0.05
_THRESHOLD_CURRENT = 100e-9
_STEP = 0.01
_CHAIN_FINS = 2
_MAX_STEP = 0.25e-12


def measure_technology(
    simulator: Session, root: Path, card: CardSpec, library: Path, corner: str, temperature: float
) -> dict[str, Quantity]:
    """Quantities of `/technology/<card>`: names and units of the table's registry.

    Args:
        root: the project; its `spice/testbenches` are used.
        library, corner: the `.lib` file and its section.
        temperature: K.

    Raises:
        SimulatorError: ngspice refused the card or did not converge.
    """
    vdd = card["vdd"]
    bench = _TransistorBench(simulator, root, card, library, corner, temperature)
    width = 2 * card["fin_height"] + card["fin_width"]
    gate_length = bench.gate_length()
    result: dict[str, float] = {}
    gate, drain = [], []
    for kind in ("n", "p"):
        saturated = bench.transfer(kind, vdd)
        linear = bench.transfer(kind, _LOW_DRAIN)
        result[f"ion_{kind}"] = saturated[-1] / width
        result[f"ioff_{kind}"] = saturated[0] / width
        result[f"subthreshold_swing_{kind}"] = _swing(bench.overdrive, saturated)
        level = _THRESHOLD_CURRENT * width / gate_length
        shift = _voltage_at(bench.overdrive, linear, level) - _voltage_at(bench.overdrive, saturated, level)
        result[f"dibl_{kind}"] = shift / (vdd - _LOW_DRAIN)
        if kind == "n":
            result["linear_resistance_n"] = _LOW_DRAIN / linear[-1] * width
        gate.append(float(bench.capacitance(kind, "cgg", 0.0)[-1]))
        drain.append(float(bench.capacitance(kind, "cdd", vdd)[0]))
    result["gate_capacitance"] = float(np.mean(gate)) / width
    result["drain_capacitance"] = float(np.mean(drain)) / width
    load = _CHAIN_FINS * (4 * sum(gate) + sum(drain))
    resistance = np.array(bench.delays()) / (np.log(2) * load)
    on = np.array([result["ion_n"], result["ion_p"]]) * width * _CHAIN_FINS
    result["effective_resistance_multiplier"] = float(np.mean(resistance * on)) / vdd
    result["pn_ratio"] = result["ion_n"] / result["ion_p"]
    result["temperature"] = temperature
    for name in (
        "feature_size",
        "vdd",
        "fin_height",
        "fin_width",
        "fin_pitch",
        "gate_pitch",
        "wire_capacitance",
    ):
        result[name] = card[name]
    section = card["wire_width"] ** 2 * card["wire_aspect_ratio"]
    result["wire_resistance"] = card["wire_resistivity"] / section
    return {name: known(name, value) for name, value in result.items()}


class _TransistorBench:
    """One fin of each polarity, and the inverter chain."""

    def __init__(
        self,
        simulator: Session,
        root: Path,
        card: CardSpec,
        library: Path,
        corner: str,
        temperature: float,
    ) -> None:
        self._simulator = simulator
        self._vdd = card["vdd"]
        self._library = (library, corner)
        self._root = root
        self._temperature = temperature
        self.overdrive = np.arange(0.0, self._vdd + _STEP / 2, _STEP)

    def transfer(self, kind: str, drain: float) -> NDArray[np.float64]:
        """|I_D| (A) of one fin over |V_GS| = 0..vdd at |V_DS| = `drain`."""
        vectors = self._sweep(kind, drain, ())
        return np.abs(vectors[f"vd{kind}#branch"])

    def capacitance(self, kind: str, name: str, drain: float) -> NDArray[np.float64]:
        """A small-signal capacitance (F) of one fin over |V_GS| = 0..vdd at |V_DS| = `drain`."""
        return np.abs(self._sweep(kind, drain, (f"@n{kind}[{name}]",))[f"@n{kind}[{name}]"])

    def gate_length(self) -> float:
        """Gate length of the card, m."""
        self._load("transistor", {}, ("@nn[l]",))
        return float(self._simulator.run("op")["@nn[l]"][0])

    def delays(self) -> tuple[float, float]:
        """50 % delays (s) of the chain's third inverter: output falling (n), output rising (p)."""
        self._load("inverter", {"vdd": self._vdd, "fins": float(_CHAIN_FINS)}, ("v(s2)", "v(s3)"))
        vectors = self._simulator.run(f"tran {_MAX_STEP:.6g} 420p 0 {_MAX_STEP:.6g}")
        edges_in = _edges(vectors["time"], vectors["s2"], self._vdd / 2)
        edges_out = _edges(vectors["time"], vectors["s3"], self._vdd / 2)
        if len(edges_in) != 2 or len(edges_out) != 2:
            raise SimulatorError(["the inverter chain did not switch twice"])
        first, second = (after - before for before, after in zip(edges_in, edges_out, strict=True))
        # s2 rises first (two inversions from the input): s3 falls through the n-FinFET.
        return first, second

    def _sweep(self, kind: str, drain: float, save: tuple[str, ...]) -> Waveforms:
        vdd = self._vdd
        if kind == "n":
            parameters = {"vdd": vdd, "v_dn": drain}
            sweep = f"dc vgn 0 {vdd + _STEP / 2:.12g} {_STEP}"
        else:
            parameters = {"vdd": vdd, "v_dp": vdd - drain}
            sweep = f"dc vgp {vdd:.12g} {-_STEP / 2:.12g} {-_STEP}"
        self._load("transistor", parameters, ("all", *save))
        return self._simulator.run(sweep)

    def _load(self, testbench: str, parameters: dict[str, float], save: tuple[str, ...]) -> None:
        self._simulator.load(
            render(
                self._root / "spice" / "testbenches" / f"{testbench}.cir",
                None,
                parameters,
                save=save,
                root=self._root,
                card=self._library,
                temperature=self._temperature,
            )
        )


def _swing(overdrive: NDArray[np.float64], current: NDArray[np.float64]) -> float:
    slope = np.diff(overdrive) / np.diff(np.log10(current))
    deep = current[1:] < 1e-3 * current[-1]
    return float(slope[deep].min())


def _voltage_at(overdrive: NDArray[np.float64], current: NDArray[np.float64], level: float) -> float:
    return float(np.interp(np.log(level), np.log(current), overdrive))


def _edges(time: NDArray[np.float64], voltage: NDArray[np.float64], level: float) -> list[float]:
    above = voltage > level
    at = np.flatnonzero(above[1:] != above[:-1])
    share = (level - voltage[at]) / (voltage[at + 1] - voltage[at])
    return [float(edge) for edge in time[at] + share * (time[at + 1] - time[at])]
