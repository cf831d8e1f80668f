# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a netlist to a figure
#
# The write error rate of a bitcell against pulse width, straight from its netlist
# in `spice/bitcells`: how many fins does the n-FinFET need?

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from flow.characterize import benches_of
from flow.device.fokker_planck import switching_probabilities
from flow.measure.load_line import measure_load_line, state_nodes
from flow.toolchain import project_root

bench = benches_of(project_root(), ["2t1mtj_rc_smtj"])[0]
junction, write = bench.junction, bench.spec.write
pulse = np.linspace(0.5e-9, 6e-9, 100)

# %% [markdown]
# One DC analysis for each fin count: the cell's current with the junction held at
# seven values of $m_z$. The Fokker-Planck equation turns the drive into error rates
# of every pulse width.

# %%
states = state_nodes(49)
rates = {}
for fins in (1, 2, 3, 4):
    cell = replace(bench, fins={"nn": fins})
    line = measure_load_line(cell, write.line_0to1, np.array([0.75, 0.80]), state_nodes(7))
    drive, tau = line.drive_at(0.80, states), pulse / junction.tau_d
    rates[fins] = switching_probabilities(
        junction.delta, states, drive, tau[None], start=1
    ).stay.ravel()

# %%
figure, axes = plt.subplots(figsize=(5, 3.4), layout="constrained")
for fins, rate in rates.items():
    axes.semilogy(pulse * 1e9, rate, label=fins)
axes.axhline(write.wer, color="black", linewidth=0.8, linestyle=":", label="target")
axes.set(xlabel="pulse width (ns)", ylabel="write error rate 0 → 1", ylim=(1e-12, 1))
axes.legend(title="n-FinFET fins", frameon=False, fontsize=8, title_fontsize=8)
figure.savefig("error_rate.png", dpi=200)
