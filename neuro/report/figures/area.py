"""Fig. 3: area of the two synaptic cores, whole and by block."""

from __future__ import annotations

from collections.abc import Sequence

from neuro.report.comparison import DEVICES, shown
from neuro.report.figures.style import BLOCKS, COLOUR, MODEL, NAME, Figure, canvas, look
from neuro.report.paper import Paper
from neuro.report.runs import Run

# Blocks of the estimate, grouped to what a reader can tell apart in one bar.
GROUPS = {
    "bitcells": ("array",),
    "row drivers": ("wl_bl_switch_matrix",),
    "column drivers": ("sl_switch_matrix",),
    "column multiplexers": ("column_mux", "mux_decoder"),
    "read circuits": ("read_circuit",),
    "subtractors": ("subtractor",),
    "neurons": (
        "neuron_adder",
        "neuron_mux",
        "neuron_mux_decoder",
        "neuron_register",
        "neuron_subtractor",
    ),
}


def grouped(parts: dict[str, float]) -> dict[str, float]:
    """Areas (m2) by group; a block that no group names is `other`, so that the groups add up to the whole."""
    known = {name for names in GROUPS.values() for name in names}
    areas = {group: sum(parts.get(name, 0.0) for name in names) for group, names in GROUPS.items()}
    rest = sum(value for name, value in parts.items() if name not in known | {"total"})
    return areas | ({"other": rest} if rest > 0.0 else {})


def area(runs: Sequence[Run], paper: Paper) -> Figure:
    """Fig. 3: total beside the paper's (left), breakdown of the totals by block (right), at 0.85 nm."""
    shown_runs = [run for run in runs if run.variant == "0.85"]
    models = list(dict.fromkeys(run.model for run in shown_runs))
    with look():
        figure = canvas(4.6)
        top, bottom = figure.subplots(2, 1, height_ratios=(1.0, 1.15))
        groups = ["paper", *models]
        for place, device in enumerate(DEVICES):
            values = [paper.area_mm2(device)]
            for model in models:
                found = [1e6 * r.area_m2 for r in shown_runs if (r.device, r.model) == (device, model)]
                values.append(found[0] if found else float("nan"))
            offset = (place - 0.5) * 0.42
            for x, value in enumerate(values):
                published = x == 0
                top.bar(
                    x + offset,
                    value,
                    width=0.38,
                    color="none" if published else COLOUR[device],
                    edgecolor=COLOUR[device],
                    hatch="////" if published else None,
                    linewidth=0.9,
                    label=NAME[device] if x == 1 or (x == 0 and len(values) == 1) else None,
                )
                top.annotate(
                    shown(value),
                    (x + offset, value),
                    xytext=(0, 2),
                    textcoords="offset points",
                    ha="center",
                    va="bottom",
                    fontsize=6.0,
                )
        top.set_xticks(range(len(groups)), ["paper", *(MODEL[model] for model in models)])
        top.tick_params(axis="x", length=0)
        top.grid(visible=False, axis="x")
        top.set_ylabel("area (mm²)")
        top.set_title("(a) both synaptic cores")
        top.margins(y=0.18)
        top.legend(loc="upper right", ncols=2)

        bars = [(device, model) for model in models for device in DEVICES]
        bars = [pair for pair in bars if any((r.device, r.model) == pair for r in shown_runs)]
        labels: dict[str, None] = {}
        for y, (device, model) in enumerate(bars):
            run = next(r for r in shown_runs if (r.device, r.model) == (device, model))
            left = 0.0
            for number, (group, value) in enumerate(grouped(run.area_parts_m2).items()):
                bottom.barh(
                    -y,
                    1e6 * value,
                    left=left,
                    height=0.66,
                    color=BLOCKS[number % len(BLOCKS)],
                    edgecolor="white",
                    linewidth=0.4,
                    label=group if group not in labels else None,
                )
                labels[group] = None
                left += 1e6 * value
        bottom.set_yticks(
            [-y for y in range(len(bars))], [f"{NAME[device]}\n{MODEL[model]}" for device, model in bars]
        )
        bottom.tick_params(axis="y", length=0)
        bottom.grid(visible=False, axis="y")
        bottom.set_xlabel("area (mm²)")
        bottom.set_title("(b) by block")
        bottom.legend(loc="upper center", bbox_to_anchor=(0.42, -0.24), ncols=3, columnspacing=1.2)
    caption = (
        "Area of the two synaptic cores (400 x 100 and 100 x 10 weights of 6 bits) with their neurons at "
        "0.85 nm: (a) whole, beside the paper's Fig. 3 (hatched); (b) by block."
    )
    return Figure("fig3_area", "Fig. 3, area", caption, figure)
