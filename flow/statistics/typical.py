"""Typical samples: cells drawn from the population itself, on which energies and resistances are measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flow.measure.samples import CONVERGED
from flow.parallel import Arrays
from flow.table import Array

PULSES = ("write_0to1", "write_1to0", "read_0", "read_1")


@dataclass(frozen=True)
class Typical:
    """Typical samples, R replicates of M: transients of writes and reads, load lines at the read voltage.

    Attributes:
        pulse_y: (R, M, D) standardised deviations of the samples of the transients.
        pulses: results (R, M) of the transients by name, one of `PULSES`: what `SamplePulses` returns.
        static_y: (R, N, D) of the samples of the load lines.
        static: results (R, N, 1, 2) of the load lines at the read voltage: what `SampleRates` returns.
    """

    pulse_y: NDArray[np.float64]
    pulses: dict[str, Arrays]
    static_y: NDArray[np.float64]
    static: Arrays

    def statuses(self) -> Iterator[NDArray[np.int64]]:
        """Status of every simulated sample."""
        for part in (*self.pulses.values(), self.static):
            yield part["status"].ravel()

    def resistance(self, read_voltage: float) -> NDArray[np.float64]:
        """(R, N, 2): of the whole cell in states 0 and 1 at the read voltage (V), ohm."""
        return read_voltage / self.static["current"][:, :, 0, :]

    def junction_resistance(self) -> NDArray[np.float64]:
        """(R, N, 2): of the junction alone, ohm."""
        return self.static["junction"][:, :, 0, :] / self.static["current"][:, :, 0, :]

    def read_energy(self, vdd: float, stored: int) -> NDArray[np.float64]:
        """(R, M): charge of the read pulse, taken from the supply `vdd` (V), J."""
        energy: NDArray[np.float64] = vdd * self.pulses[f"read_{stored}"]["charge"]
        return energy

    def arrays(self, vdd: float, read_voltage: float) -> dict[str, Array]:
        """Every sample for the table, along `variable` as those of the error rates.

        `alone_<pulse>` is 1 where a transient had a deck of its own; the others shared the deck, and with it
        the time steps, of a whole batch of `flow.measure.pulses.BATCH` in the order of the samples.
        """
        pulse, static = "sample_pulse", "sample_static"
        resistance, junction = self.resistance(read_voltage), self.junction_resistance()
        text = "of a typical sample"
        found = {
            **_drawn("pulse", pulse, self.pulse_y),
            **_drawn("static", static, self.static_y),
        }
        measured = {
            **{
                f"write_energy_{name}": (pulse, self.pulses[f"write_{name}"]["energy"], "J", "write energy")
                for name in ("0to1", "1to0")
            },
            **{
                f"read_energy_{stored}": (
                    pulse,
                    self.read_energy(vdd, stored),
                    "J",
                    "read energy in the state",
                )
                for stored in (0, 1)
            },
            "r_on": (static, resistance[:, :, 0], "ohm", "resistance of the cell in state 0"),
            "r_off": (static, resistance[:, :, 1], "ohm", "resistance of the cell in state 1"),
            "r_mtj_p": (static, junction[:, :, 0], "ohm", "resistance of the junction in state 0"),
            "r_mtj_ap": (static, junction[:, :, 1], "ohm", "resistance of the junction in state 1"),
        }
        for name, (dim, values, unit, meaning) in measured.items():
            flat = values.ravel()
            flags = np.where(np.isfinite(flat), 0, 2)
            found[name] = Array((dim,), flat, unit, f"{meaning} {text}")
            found[f"{name}_status"] = Array((dim,), flags, "1", f"status of {name}")
        for name in PULSES:
            alone = (self.pulses[name]["status"].ravel() != CONVERGED).astype(np.int64)
            found[f"alone_{name}"] = Array((pulse,), alone, "1", f"1: the transient {name} had its own deck")
        return found


def _drawn(name: str, dim: str, y: NDArray[np.float64]) -> dict[str, Array]:
    replicates, samples, dimension = y.shape
    replicate = np.repeat(np.arange(replicates), samples)
    return {
        f"y_{name}": Array(
            (dim, "variable"), y.reshape(-1, dimension), "1", "deviation in standard deviations"
        ),
        f"replicate_{name}": Array((dim,), replicate, "1", "independent replicate of the sampling"),
    }
