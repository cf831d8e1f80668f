"""Every difference between the two models of a synaptic core, in one place.

`NEUROSIM` reproduces the arithmetic of MLP+NeuroSim V3.0, its defects included; `PHYSICAL` mends them.
A circuit function asks the switches below and nothing else, so the table in the documentation, which
`differences()` generates, is complete.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from flow.table import UserError


def _switch(title: str, neurosim: str, physical: str) -> bool:
    return field(metadata={"title": title, "neurosim": neurosim, "physical": physical})  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Model:
    """The switches; True (or a tolerance above zero) is the mended, physical choice."""

    name: str
    driver_resistance: bool = _switch(
        "Row driver resistance",
        "the pass gate that drives a row has no resistance; only half the row's wire RC counts",
        "the pass gate's resistance charges the row and its own drain, in series with the wire",
    )
    activity_once: bool = _switch(
        "Row activity",
        "latency and clocking of the WL-BL matrix are multiplied by the row activity, its energy "
        "by the activity and by another 0.5; the column multiplexer's energy is multiplied by it "
        "as well",
        "a row settles once a read whatever the activity; energy is proportional to the rows that "
        "switch; the multiplexer switches the same gates whatever the rows do",
    )
    changed_flip_flops: bool = _switch(
        "Flip-flops that change state",
        "all of them, at every read and every written row",
        "reading: those of active rows; writing: those of the row left and the row selected, and "
        "the columns' data; the source-line register keeps its state between the batches of a "
        "read",
    )
    two_phase_write: bool = _switch(
        "Writing a row",
        "one mean pulse a row; each active batch is charged eight pulses in either direction on "
        "half its columns, and every idle column as well",
        "all columns of a row in parallel in two phases, SET then RESET, since both polarities "
        "cannot share the row's bit line; pass gates switch once a phase; a batch is charged its "
        "share of the columns",
    )
    all_integration_steps: bool = _switch(
        "Integration steps of the ADC",
        "one step whatever the resolution (a variable that was never set)",
        "2**partial_sum_bits steps at the full-scale current",
    )
    reset_switch_at_logic_height: bool = _switch(
        "Reset switch of the integration node",
        "laid out in a height of zero (never set), which makes its drain capacitance negative",
        "laid out at the logic height",
    )
    computed_adc_energy: bool = _switch(
        "ADC energy",
        "1.346 pJ a conversion and read circuit at every node, supply, resolution and current",
        "counted spikes, each discharging the comparator's capacitance and toggling the counter, "
        "and the charge of the integration node",
    )
    subtractor_energy: bool = _switch(
        "Subtractor of the core",
        "consumes no read energy (its operation count was never set)",
        "one subtraction a unit and batch is charged",
    )
    column_settles_once: bool = _switch(
        "Column settling",
        "the column is charged through the cells on top of the multiplexer's settling and the "
        "integration, for a fifth of a time constant of every multiplexed column, with half the "
        "rows rounded down",
        "the column settles through the multiplexer, once; its own wire resistance is added",
    )
    true_columns: bool = _switch(
        "Number of units",
        "(synapses*bits + 1)/bits synapses, rounded up after division by the multiplexer: one "
        "unit too many whenever the multiplexer divides the synapses; the multiplexer has more "
        "inputs than there are read circuits",
        "one multiplexer input for each read circuit, units for the synapses that exist",
    )
    whole_fingers: bool = _switch(
        "Fin folding and shared side walls",
        "fins / fins per finger rounded down (integer division), and the PMOS fold count decides "
        "the side walls of the NMOS too",
        "rounded up; each transistor has the side walls of its own folds",
    )
    buffered_select: bool = _switch(
        "Driving the column multiplexer",
        "one minimum inverter drives the gates of all pass gates: 95 % of the read latency",
        "a tapered buffer with a stage effort of ten, with its own area, energy and leakage",
    )
    decoder_stacks: bool = _switch(
        "Stacks of the decoder",
        "a factor two for any number of series PMOS; with two address bits a NOR stage that does "
        "not exist delays, and the enable gates have no area or leakage",
        "as many resistances as transistors in series; an inverter instead of the NOR with two "
        "address bits; enable gates counted",
    )
    neuron_adder_counted: bool = _switch(
        "Adder and register of the neuron",
        "have area only",
        "are charged latency (adder), energy and leakage",
    )
    card_drains: bool = _switch(
        "Drain capacitance",
        "general junction constants times the geometry of folded fingers",
        "the card's drain capacitance times the width of the transistors on the node, in cells and gates "
        "(the junction formula only for a technology that states none)",
    )
    elmore_settling: bool = _switch(
        "Settling through the column multiplexer",
        "every capacitance is charged through both pass gates, each with its switching resistance; all cells "
        "sit at the far end of the column's wire",
        "Elmore's delay: the node between the gates through one of them, the column through both; near "
        "ground only the NMOS conducts, with its linear resistance; cells spread evenly over the column see "
        "a third of its wire's RC in the mean",
    )
    strong_write_driver: bool = _switch(
        "Write drivers of the columns",
        "half the resistance of an ON cell: a third of the supply drops there, and nobody pays for it",
        "a fortieth of it, so that at most 2 % drop and the cell sees the voltage that it was "
        "characterised with; area and energy follow",
    )
    column_reset: bool = _switch(
        "Reset of the integrating column",
        "takes no time and no energy",
        "after each step the column is discharged to 10 % through the multiplexer and a reset switch as "
        "wide as the NMOS of its pass gates, whose gate is charged; the clock of the conversion waits",
    )
    tie_tolerance: float = _switch(
        "Exact ties",
        "decided by the rounding of the last bit (a pass gate is exactly as high as its "
        "transistors; a fold count of zero is possible)",
        "a relative tolerance of 1e-9 lets what fits exactly fit",
    )


def _model(name: str, value: bool, tolerance: float) -> Model:
    switches = {f.name: value for f in fields(Model) if f.name not in ("name", "tie_tolerance")}
    return Model(name=name, tie_tolerance=tolerance, **switches)


NEUROSIM = _model("neurosim", False, 0.0)
PHYSICAL = _model("physical", True, 1e-9)
MODELS = {model.name: model for model in (PHYSICAL, NEUROSIM)}


def model_named(name: str | Model) -> Model:
    """The model of that name; a `Model` (own choice of switches) is returned as it is. Raises UserError."""
    if isinstance(name, Model):
        return name
    if name not in MODELS:
        raise UserError(f"unknown model {name!r}; there are {', '.join(MODELS)}", key="model")
    return MODELS[name]


ELSEWHERE = (
    {
        "switch": "neuro.cells.Bitcell.for_circuit",
        "title": "Access resistance",
        "neurosim": "added to the cell's resistances even where these are of the whole cell",
        "physical": "resistances of the whole cell are first reduced to the junction's",
    },
    {
        "switch": "neuro.technology.TechnologyFile.for_model",
        "title": "Wires",
        "neurosim": "100 nm wide at every node",
        "physical": "as wide as the node's; a characterised card says how wide",
    },
    {
        "switch": "neuro.network.Settings.wire_ohm",
        "title": "Column currents of the networks",
        "neurosim": "the sum of the cells' currents, no wire resistance",
        "physical": "each cell has the wire between driver, converter and itself in series; as an option "
        "(`--shared-column`) the cells share the column's: V G tanh(t)/t, t^2 = G R",
    },
)
"""What the choice of the model changes in the inputs, before a core is evaluated."""


def differences() -> list[dict[str, str]]:
    """One row for each difference: `switch`, `title`, `neurosim`, `physical`; the documentation's table."""
    return [{"switch": f.name, **f.metadata} for f in fields(Model) if f.metadata] + list(ELSEWHERE)


def differences_table() -> str:
    """The differences as a Markdown table, as the documentation has it."""
    rows = ["| | `neurosim` | `physical` | switch |", "| --- | --- | --- | --- |"]
    rows += [
        f"| {row['title']} | {row['neurosim']} | {row['physical']} | `{row['switch']}` |"
        for row in differences()
    ]
    return "\n".join(rows)
