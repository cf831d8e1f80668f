"""NumPy twin of the Verilog-A junctions: transport, torque and energetics of SMTJ and DMTJ.

Sign convention, everywhere in this project:

* `z = m_z`; `+z` is the magnetisation of the TOP reference layer, which sits at terminal `t`.
* State 0 (low resistance): `z = +1`. State 1 (high resistance): `z = -1`.
* Voltage is V(t) - V(b); current is positive when it enters `t`. Positive current drives 0 -> 1, that is `z`
  towards -1, and has a positive reduced drive `i`.

Parameter names, units and defaults are those of veriloga/*.va. Every numeric field may be a scalar or an
array; fields and arguments broadcast against each other, so one object can be a whole population.

Sources: parallel resistance against oxide thickness, Brinkman, Dynes and Rowell,
https://doi.org/10.1063/1.1659141; critical current and asymmetry, Slonczewski,
https://doi.org/10.1103/PhysRevB.71.024411; further ones in veriloga/README.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from flow.device.constants import E_CHARGE, GYROMAGNETIC, H_BAR, K_BOLTZMANN, MU_0
from flow.errors import UserError

Real: TypeAlias = float | NDArray[np.float64]
"""A scalar or an array that broadcasts against the others."""

# The sign convention in numbers; nothing below writes a sign of its own.
Z_OF_STATE: Final = (1.0, -1.0)
"""m_z of state 0 and of state 1."""
TOP: Final = 1.0
"""Cosine between free layer and TOP reference layer per unit of z."""
BOTTOM: Final = -1.0
"""The same for the BOTTOM reference layer, which is antiparallel to the top one."""

SIMULATION_CONTROLS: Final = frozenset(
    {"state", "quantile", "thermal_floor", "freeze", "z_frozen", "step_scale"}
)
"""Verilog-A parameters that steer a simulation and are no property of the device."""

_NON_NEGATIVE: Final = frozenset({"tmr0", "tmr0_t", "tmr0_b", "beta_b"})
_LARGEST_DELTA: Final = 1e5
_BELOW_ONE: Final = frozenset({"alpha", "eta"})


def tmr_at(v: Real, tmr0: Real, v_h: Real) -> Real:
    """TMR ratio of one barrier at the voltage `v` (V) across THAT barrier: `TMR0/(1 + (V/V_h)^2)`."""
    return tmr0 / (1 + (v / v_h) ** 2)


def swing(tmr: Real) -> Real:
    """Relative conductance swing `x = TMR/(TMR + 2)`; with V_h,pol also the torque asymmetry `nu`."""
    return tmr / (tmr + 2)


@dataclass(frozen=True, kw_only=True, eq=False)
class Junction:
    """What both junctions share. Sign convention: see the module; positive current drives 0 -> 1.

    Fields (SI units, `phi` in eV): `d` diameter, `t_fl` free-layer thickness, `t_ox_t` top oxide thickness,
    `area_scale` relative factor on the area, `ra_ref` resistance-area product of a parallel barrier of
    thickness `t_ref`, `phi` barrier height, `v_h` voltage that halves the TMR of a barrier, `v_h_pol` the
    same for the torque asymmetry (None: `v_h`), `ms`, `alpha`, `eta` (spin polarisation), `k_i` interface
    anisotropy, `s` torque prefactor (1 is the textbook `(hbar/2e) eta`), `temperature`.

    Raises UserError, naming the field, for a value outside its range.
    """

    kind: ClassVar[str]

    d: Real = 28e-9
    t_fl: Real = 1.2e-9
    area_scale: Real = 1.0
    t_ox_t: Real = 0.85e-9
    ra_ref: Real = 4.957e-12
    t_ref: Real = 0.85e-9
    phi: Real = 0.4
    v_h: Real = 0.354
    v_h_pol: Real | None = None
    ms: Real = 1.0e6
    alpha: Real = 0.025
    eta: Real = 0.67
    k_i: Real = 1.25964e-3
    s: Real = 1.93
    temperature: Real = 300.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            _check(field.name, value)
        if not np.all(np.asarray(self.delta) > 0):
            raise UserError(
                "the free layer is not perpendicular (energy barrier <= 0); raise k_i or lower t_fl or ms",
                key="k_i",
            )
        if not np.all(np.asarray(self.delta) <= _LARGEST_DELTA):
            raise UserError(
                f"the thermal stability factor is beyond {_LARGEST_DELTA:g}: is every length and energy in "
                "SI units?",
                key="k_i",
            )

    # Geometry and energetics

    @property
    def area(self) -> Real:
        """Area of the pillar, m^2: `pi d^2/4 area_scale`."""
        return np.pi / 4 * self.d * self.d * self.area_scale

    @property
    def volume(self) -> Real:
        """Volume of the free layer, m^3."""
        return self.area * self.t_fl

    @property
    def energy_barrier(self) -> Real:
        """`E_b = A [K_i - (mu0/2) Ms^2 (N_z - N_x) t_FL]`, J: a thicker free layer is LESS stable.

        `N_z = 1/(1 + 2 t_FL/(r sqrt(pi)))` for a disc of radius r = d/2, `N_x = (1 - N_z)/2`,
        https://doi.org/10.1063/1.343481. The shape uses `d` alone: `d ln Delta/d ln area_scale = 1`.
        """
        n_z = 1 / (1 + 2 * self.t_fl / (0.5 * self.d * math.sqrt(math.pi)))
        n_x = 0.5 * (1 - n_z)
        return self.area * (self.k_i - 0.5 * MU_0 * self.ms * self.ms * (n_z - n_x) * self.t_fl)

    @property
    def delta(self) -> Real:
        """Thermal stability factor `E_b/(k_B T)`."""
        return self.energy_barrier / (K_BOLTZMANN * self.temperature)

    @property
    def mu0_hk(self) -> Real:
        """Anisotropy field `mu0 Hk = 2 E_b/(Ms V)`, T."""
        return 2 * self.energy_barrier / (self.ms * self.volume)

    @property
    def tau_d(self) -> Real:
        """Time scale of the dynamics `(1 + alpha^2)/(alpha gamma mu0 Hk)`, s."""
        return (1 + self.alpha**2) / (self.alpha * GYROMAGNETIC * self.mu0_hk)

    @property
    def unit_current(self) -> Real:
        """`I_1 = 4 e alpha Delta k_B T/hbar`, A: critical current at full spin efficiency."""
        return 4 * E_CHARGE * self.alpha * self.energy_barrier / H_BAR

    def initial_angle(self, quantile: Real = 0.5) -> Real:
        """Thermal angle at the start, rad: `sqrt(-ln(1 - q)/Delta)` (Rayleigh); `q = 0.5` is typical."""
        angle: Real = np.sqrt(-np.log1p(-np.asarray(quantile)) / self.delta)
        return angle

    # Transport

    def parallel_resistance(self, thickness: Real) -> Real:
        """`R_P = RA_ref/A (t/t_ref) exp(k (t - t_ref))`, ohm, at a `thickness` in m.

        `k = 10.25 sqrt(phi)` per nm, phi in eV.
        """
        growth = 10.25e9 * np.sqrt(self.phi) * (thickness - self.t_ref)
        return self.ra_ref / self.area * (thickness / self.t_ref) * np.exp(growth)

    def barrier_voltages(self, z: Real, v: Real) -> tuple[Real, Real]:
        """Voltages (V) across the top and the bottom barrier at `v` = V(t) - V(b); their sum is `v`."""
        raise NotImplementedError

    def resistance(self, z: Real, v: Real) -> Real:
        """Static resistance of the whole device, ohm, each barrier at its own voltage; finite at `v = 0`."""
        raise NotImplementedError

    def current(self, z: Real, v: Real) -> Real:
        """Current into `t`, A, at `v` = V(t) - V(b); positive current drives 0 -> 1."""
        return v / self.resistance(z, v)

    # Torque

    @property
    def _half_voltage(self) -> Real:
        return self.v_h if self.v_h_pol is None else self.v_h_pol

    def torque_factor(self, z: Real, v_top: Real, v_bottom: Real = 0.0) -> Real:
        """Geometric factor `G(z)` of the torque; each asymmetry `nu` at its own barrier's voltage (V)."""
        raise NotImplementedError

    def drive_from_current(self, z: Real, current: Real, v_top: Real, v_bottom: Real = 0.0) -> Real:
        """Reduced drive `i = I eta s G(z)/I_1` from a current (A into `t`) and the barrier voltages (V).

        Positive drive pushes towards `z = -1` (0 -> 1).
        """
        return current * self.eta * self.s * self.torque_factor(z, v_top, v_bottom) / self.unit_current

    def drive(self, z: Real, v: Real) -> Real:
        """Reduced drive at `v` = V(t) - V(b); positive drive pushes towards `z = -1` (0 -> 1)."""
        v_top, v_bottom = self.barrier_voltages(z, v)
        return self.drive_from_current(z, self.current(z, v), v_top, v_bottom)

    def critical_current_0to1(self, v_top: Real = 0.0, v_bottom: Real = 0.0) -> Real:
        """`I_c0(0->1) = I_1/(eta s G(+1))`, A.

        The asymmetry is that of these barrier voltages (V); by default that of zero bias.
        """
        return self._critical_current(Z_OF_STATE[0], v_top, v_bottom)

    def critical_current_1to0(self, v_top: Real = 0.0, v_bottom: Real = 0.0) -> Real:
        """`I_c0(1->0) = I_1/(eta s G(-1))`, A, a magnitude: the current itself is negative.

        The asymmetry is that of these barrier voltages (V); by default that of zero bias.
        """
        return self._critical_current(Z_OF_STATE[1], v_top, v_bottom)

    def _critical_current(self, z: float, v_top: Real, v_bottom: Real) -> Real:
        return self.unit_current / (self.eta * self.s * self.torque_factor(z, v_top, v_bottom))

    # Variation

    def with_variation(self, **relative: Real) -> Self:
        """A copy with each named parameter times `1 + deviation`, e.g. `t_fl=0.01 * y` for a sigma of 1 %.

        Arrays make a population. Vary the area through `area_scale`. Raises UserError for an unknown name or
        a value that leaves its range.
        """
        changed: dict[str, Any] = {}
        for name, deviation in relative.items():
            value = getattr(self, name) if name in parameter_names(self.kind) else None
            if value is None:
                raise UserError(f"a {self.kind} has no parameter to vary of this name", key=name)
            changed[name] = value * (1 + deviation)
        return replace(self, **changed)


@dataclass(frozen=True, kw_only=True, eq=False)
class SMTJ(Junction):
    """Single-barrier junction: the top barrier alone; `tmr0` is a ratio (1.5 is 150 %).

    Sign convention: `z = +1` is state 0, low resistance; positive current enters `t` and drives 0 -> 1.
    """

    kind: ClassVar[str] = "smtj"

    tmr0: Real = 1.5

    def tmr_top(self, v: Real) -> Real:
        """TMR ratio of the barrier at the voltage `v` (V)."""
        return tmr_at(v, self.tmr0, self.v_h)

    def barrier_voltages(self, z: Real, v: Real) -> tuple[Real, Real]:
        """`(v, 0)`, broadcast to the shape of the result: there is no bottom barrier."""
        top = v + 0.0 * (self.resistance(z, v))
        return top, 0.0 * top

    def resistance(self, z: Real, v: Real) -> Real:
        """`R_P (1 + x)/(1 + x z)`, ohm: conductance linear in z."""
        parallel = self.parallel_resistance(self.t_ox_t)
        return _barrier_resistance(parallel, swing(self.tmr_top(v)), TOP * z)

    def torque_factor(self, z: Real, v_top: Real, v_bottom: Real = 0.0) -> Real:
        """`G = 1/(1 + nu_T z)`."""
        return 1 / (1 + swing(tmr_at(v_top, self.tmr0, self._half_voltage)) * TOP * z)


@dataclass(frozen=True, kw_only=True, eq=False)
class DMTJ(Junction):
    """Double-barrier junction, reference layers antiparallel: two barriers, each at its own voltage.

    Adds `t_ox_b` (m), `tmr0_t`, `tmr0_b` (ratios) and `beta_b`, the torque of the bottom barrier relative to
    the top one. Sign convention: `z = +1` is state 0, top barrier parallel; positive current enters `t` and
    drives 0 -> 1.
    """

    kind: ClassVar[str] = "dmtj"

    t_ox_b: Real = 0.40e-9
    tmr0_t: Real = 1.5
    tmr0_b: Real = 1.5
    beta_b: Real = 1.0

    def tmr_top(self, v: Real) -> Real:
        """TMR ratio of the top barrier at the voltage `v` (V) across it."""
        return tmr_at(v, self.tmr0_t, self.v_h)

    def tmr_bottom(self, v: Real) -> Real:
        """TMR ratio of the bottom barrier at the voltage `v` (V) across it."""
        return tmr_at(v, self.tmr0_b, self.v_h)

    def barrier_voltages(self, z: Real, v: Real) -> tuple[Real, Real]:
        """Divider of two voltage-dependent barriers, by Newton inside a bracket.

        The current of each barrier rises strictly with its voltage, so the divider has one root, between 0
        and `v`. The two barrier currents agree to about 1e-13.
        """
        r_top = self.parallel_resistance(self.t_ox_t)
        r_bottom = self.parallel_resistance(self.t_ox_b)
        z, v, r_top, r_bottom, tmr_t, tmr_b, v_h = np.broadcast_arrays(
            z, v, r_top, r_bottom, self.tmr0_t, self.tmr0_b, self.v_h
        )
        low, high = np.minimum(v, 0.0), np.maximum(v, 0.0)
        top = v * r_top / (r_top + r_bottom)
        for _ in range(60):
            i_top, g_top = _barrier_current(top, r_top, tmr_t, v_h, TOP * z)
            i_bottom, g_bottom = _barrier_current(v - top, r_bottom, tmr_b, v_h, BOTTOM * z)
            excess = i_top - i_bottom
            high = np.where(excess > 0, top, high)
            low = np.where(excess > 0, low, top)
            step = -excess / (g_top + g_bottom)
            trial = top + step
            trial = np.where((trial < low) | (trial > high), 0.5 * (low + high), trial)
            moved = np.abs(trial - top)
            top = trial
            if np.all(moved <= 1e-15 + 4e-16 * np.abs(v)):
                break
        return top[()], (v - top)[()]

    def resistance(self, z: Real, v: Real) -> Real:
        """Sum of the two barrier resistances, each at its OWN voltage, ohm."""
        v_top, v_bottom = self.barrier_voltages(z, v)
        return self._barrier_sum(z, v_top, v_bottom)

    def drive(self, z: Real, v: Real) -> Real:
        """Reduced drive at `v` = V(t) - V(b), one divider solve; positive drives 0 -> 1."""
        v_top, v_bottom = self.barrier_voltages(z, v)
        current = v / self._barrier_sum(z, v_top, v_bottom)
        return self.drive_from_current(z, current, v_top, v_bottom)

    def torque_factor(self, z: Real, v_top: Real, v_bottom: Real = 0.0) -> Real:
        """`G = 1/(1 + nu_T z) + beta_B/(1 - nu_B z)`: both barriers push the same way."""
        nu_top = swing(tmr_at(v_top, self.tmr0_t, self._half_voltage))
        nu_bottom = swing(tmr_at(v_bottom, self.tmr0_b, self._half_voltage))
        return 1 / (1 + nu_top * TOP * z) + self.beta_b / (1 + nu_bottom * BOTTOM * z)

    def _barrier_sum(self, z: Real, v_top: Real, v_bottom: Real) -> Real:
        top = self.parallel_resistance(self.t_ox_t)
        bottom = self.parallel_resistance(self.t_ox_b)
        return _barrier_resistance(top, swing(self.tmr_top(v_top)), TOP * z) + _barrier_resistance(
            bottom, swing(self.tmr_bottom(v_bottom)), BOTTOM * z
        )


_KINDS: Final[Mapping[str, type[SMTJ] | type[DMTJ]]] = {cls.kind: cls for cls in (SMTJ, DMTJ)}


def parameter_names(kind: str) -> frozenset[str]:
    """Names of the device parameters of a kind ("smtj", "dmtj"), temperature included.

    Raises UserError for another kind.
    """
    if kind not in _KINDS:
        raise UserError(
            f"unknown kind of junction {kind!r}; there are {', '.join(sorted(_KINDS))}", key="kind"
        )
    return frozenset(field.name for field in fields(_KINDS[kind]))


def device_from_mapping(kind: str, parameters: Mapping[str, float]) -> SMTJ | DMTJ:
    """The junction of a kind ("smtj", "dmtj") with these parameters; what is not named keeps its default.

    SIMULATION_CONTROLS (`state`, `freeze`, ...) are allowed and left out, so that one mapping serves the
    SPICE deck and the twin. Raises UserError for an unknown kind or name, or a value outside its range.
    """
    names = parameter_names(kind)
    for name in parameters:
        if name not in names | SIMULATION_CONTROLS:
            raise UserError(f"a {kind} has no parameter of this name", key=name)
    return _KINDS[kind](**{name: value for name, value in parameters.items() if name in names})


def _check(name: str, value: Real) -> None:
    values = np.asarray(value)
    if values.dtype.kind not in "fiu" or not np.all(np.isfinite(values)):
        raise UserError("must be a finite number", key=name)
    if name in _NON_NEGATIVE:
        if np.any(values < 0):
            raise UserError("must not be negative", key=name)
    elif np.any(values <= 0):
        raise UserError("must be positive", key=name)
    if name in _BELOW_ONE and np.any(values >= 1):
        raise UserError("must be below 1", key=name)


def _barrier_resistance(parallel: Real, x: Real, c: Real) -> Real:
    return parallel * (1 + x) / (1 + x * c)


def _barrier_current(
    v: NDArray[np.float64],
    parallel: NDArray[np.float64],
    tmr0: NDArray[np.float64],
    v_h: NDArray[np.float64],
    c: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Current (A) of one barrier and its slope (S).

    The conductance law of `_barrier_resistance` written with `w = 1 + (V/V_h)^2`:
    `(w + TMR0 (1 + c)/2)/(R_P (w + TMR0))`, which rises with |V| for every c.
    """
    w = 1 + (v / v_h) ** 2
    conductance = (w + tmr0 * (1 + c) / 2) / (parallel * (w + tmr0))
    slope = conductance + (w - 1) * tmr0 * (1 - c) / (parallel * (w + tmr0) ** 2)
    return v * conductance, slope
