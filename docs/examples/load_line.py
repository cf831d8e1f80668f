"""Load line and write error rate of a netlist, for the nominal cell."""

import numpy as np

from flow.characterize import benches_of
from flow.device.fokker_planck import switching_probabilities
from flow.measure.load_line import measure_load_line, state_nodes
from flow.toolchain import project_root

# One bench a variant (oxide thickness); the netlist is checked and the models are compiled.
bench = benches_of(project_root(), ["2t1mtj_rc_smtj"])[0]

# One DC analysis of ngspice: 11 voltages on the line that writes 0 -> 1, m_z frozen at 7 values.
voltage = np.linspace(0.5, 1.0, 11)
line = measure_load_line(bench, bench.spec.write.line_0to1, voltage, state_nodes(7))

# From the drive i(m_z) to the error rate of a pulse: the Fokker-Planck equation.
junction, pulse = bench.junction, bench.variant.write_pulse
fine = state_nodes(49)
wer = switching_probabilities(
    junction.delta, fine, line.drive_at(voltage, fine), pulse / junction.tau_d, start=1
).stay

for volt, ampere, rate in zip(voltage, line.current.mean(axis=1), wer, strict=True):
    print(f"{volt:.2f} V  {ampere * 1e6:5.1f} uA  WER {rate:.2e}")
