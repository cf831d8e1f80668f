"""Physical constants, SI. The same digits stand in veriloga/include/torque.include (a test compares them).

Written out rather than taken from scipy.constants: the mu_0 and gamma there change with its version, and the
twin has to agree with a compiled model.

Source: CODATA 2022, https://doi.org/10.1103/RevModPhys.97.025002 (e, hbar, k_B are exact).
"""

from __future__ import annotations

from typing import Final

E_CHARGE: Final = 1.602176634e-19
"""Elementary charge, C."""
H_BAR: Final = 1.0545718176461565e-34
"""Reduced Planck constant, J s."""
K_BOLTZMANN: Final = 1.380649e-23
"""Boltzmann constant, J/K."""
MU_0: Final = 1.25663706127e-6
"""Vacuum permeability, N/A^2."""
GYROMAGNETIC: Final = 1.76085962784e11
"""Gyromagnetic ratio of the electron, rad/(s T)."""
