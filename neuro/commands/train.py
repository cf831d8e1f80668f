"""`mtj-neuro train`: online learning in synaptic arrays, traced epoch by epoch."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuro.command_options import (
    AdcBits,
    AdcReference,
    AdcStep,
    AsJson,
    Batch,
    Bits,
    CellNames,
    Cells,
    DataDir,
    Device,
    Jobs,
    Layers,
    Model,
    Optimizer,
    Rates,
    Tables,
    Wires,
)

if TYPE_CHECKING:
    from neuro.cells import Bitcell
    from neuro.trace import Trace


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    context: typer.Context,
    study: Annotated[
        Path | None,
        typer.Option(help="study.toml: what to train, where no option says otherwise."),
    ] = None,
    tables: Tables = Path("build/tables/bitcells.h5"),
    cells: Cells = None,
    cell: CellNames = None,
    model: Model = "physical",
    epochs: Annotated[int, typer.Option(min=1, max=10000)] = 15,
    images: Annotated[int, typer.Option(min=1, help="Training images of an epoch.")] = 8000,
    replicas: Annotated[int, typer.Option(min=1, max=100000)] = 1,
    table_replicas: Annotated[
        int,
        typer.Option(
            min=0, max=100000, help="Further replicas, each in cells drawn from the intervals of the table."
        ),
    ] = 0,
    seed: Annotated[
        int, typer.Option(help="Seed; replica numbers are part of the key, not added to it.")
    ] = 0,
    rng: Annotated[
        str, typer.Option(help="philox (counter-based), or libc (the published sequence).")
    ] = "philox",
    device: Device = "cpu",
    engine: Annotated[str, typer.Option(help="auto, compiled or torch; all give the same traces.")] = "auto",
    jobs: Jobs = None,
    layers: Layers = "400,100,10",
    rates: Rates = None,
    bits: Bits = 6,
    optimizer: Optimizer = "sgd",
    batch: Batch = 1,
    adc_bits: AdcBits = 8,
    adc_step: AdcStep = None,
    adc_reference: AdcReference = "column",
    software_weights: Annotated[
        str, typer.Option(help="physical model: clipped, readback or free.")
    ] = "clipped",
    wires: Wires = True,
    shared_column: Annotated[
        bool,
        typer.Option(
            help="physical model: cells share the wire of their column, as in SPICE (bends the codes)."
        ),
    ] = False,
    data_dir: DataDir = None,
    output: Annotated[Path, typer.Option(help="Traces (HDF5; a CSV file beside it).")] = Path(
        "build/traces/training.h5"
    ),
    checkpoints: Annotated[Path, typer.Option(help="Where unfinished runs are kept.")] = Path(
        "build/checkpoints"
    ),
    checkpoint_seconds: Annotated[
        float, typer.Option(min=0.0, help="Least time between two checkpoints.")
    ] = 5.0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on from checkpoints.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train networks in arrays of bitcells and trace accuracy, latency and energy after every epoch."""
    from flow.table import UserError, check_writable, digest, open_table
    from neuro import checkpoint, dataset, trace
    from neuro.accounting import CoreOptions, CostModel
    from neuro.network import Settings
    from neuro.progress import TrainingProgress
    from neuro.provenance import training_provenance
    from neuro.request import (
        TABLE_SAMPLES,
        chosen_bitcells,
        default_rates,
        drawn_cells,
        numbers,
        window,
        wired,
    )
    from neuro.synapse import Adc
    from neuro.training import Run, check_data, train_all

    started = time.monotonic()
    if study is not None:
        from neuro.study import load_training

        plan = load_training(study)

        def planned(option: str, value: Any, given: Any) -> Any:
            """An option on the command line beats the study."""
            source = context.get_parameter_source(option)
            return value if source is None or source.name == "DEFAULT" else given

        epochs = planned("epochs", plan.epochs, epochs)
        images = planned("images", plan.images_per_epoch, images)
        replicas = planned("replicas", plan.replicas, replicas)
        table_replicas = planned(
            "table_replicas", plan.table_replicas if cells is None else 0, table_replicas
        )
        seed = planned("seed", plan.seed, seed)
        bits = planned("bits", plan.weight_bits, bits)
        cell = cell if cell or cells is not None else plan.names
    sizes = numbers(layers, int, "layers")
    step = adc_step if adc_step is not None else (1.0 if model == "neurosim" else 2.0)
    settings = Settings(
        model=model,
        layers=tuple(sizes),
        rates=tuple(numbers(rates, float, "rates")) if rates else default_rates(len(sizes)),
        bits=bits,
        images_per_epoch=images,
        adc=Adc(adc_bits, step, adc_reference),
        software_weights=software_weights,
        shared_column=shared_column,
        optimizer=optimizer,
        batch=batch,
        rng=rng,
        seed=seed,
    )
    technology, chosen = chosen_bitcells(tables, cells, cell, model)
    if table_replicas and cells is not None:
        raise UserError("cells without a table have no intervals to draw from", key="table_replicas")
    options = CoreOptions(partial_sum_bits=adc_bits)
    models = [CostModel(technology, one, settings.layers, bits, model, options) for one in chosen]
    drawn = {} if cells is not None else drawn_cells(tables, chosen, max(TABLE_SAMPLES, table_replicas), seed)
    check_writable(output)
    data = dataset.load(data_dir, window(settings))
    check_data(settings, data)

    def run_of(one: Bitcell, replica: int) -> Run:
        return Run(one, wired(settings, technology, one) if wires else settings, replica)

    runs = [run_of(one, replica) for one in chosen for replica in range(replicas)]
    table_runs = {
        one: [run_of(drawn[one][replica], replica) for replica in range(table_replicas)] for one in chosen
    }
    trained = [*runs, *(run for part in table_runs.values() for run in part)]
    kept = checkpoint.Checkpoints(checkpoints, data, checkpoint_seconds)
    resumed = 0 if fresh else kept.resume(trained, epochs)
    with TrainingProgress(trained, epochs, resumed) as progress:

        def watch(seen: Sequence[Run]) -> None:
            kept.keep(seen)
            progress.show(seen)

        # Ctrl-C saves nothing more: it comes in the middle of a step, and what `watch` kept is whole.
        train_all(trained, data, epochs, engine=engine, device=device, jobs=jobs, watch=watch)
    traces = []
    for place, (one, charged) in enumerate(zip(chosen, models, strict=True)):
        sampled = None
        if one in drawn:
            sampled = CostModel(technology, one, settings.layers, bits, model, options, drawn[one])
        mine = runs[place * replicas : (place + 1) * replicas]
        traces.append(trace.trace(charged, mine, sampled, table_runs[one]))
    attributes = {"title": "Online learning in synaptic arrays", "settings": settings.canonical()}
    if cells is None:
        # The report compares it, so that no trace passes for one of another table.
        attributes["table_content_sha256"] = digest(open_table(tables))
    inputs = [study, tables if cells is None else None if cells == "paper" else Path(cells)]
    attributes["provenance"] = training_provenance(inputs, data_dir, seed)
    trace.write_hdf5(traces, output, attributes)
    trace.write_csv(traces, output.with_suffix(".csv"))
    kept.forget(trained)
    if as_json:
        document = trace.document(traces, time.monotonic() - started)
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
    else:
        _table(traces, output)


def _table(traces: Sequence[Trace], output: Path) -> None:
    from statistics import fmean, stdev

    from rich import box
    from rich.console import Console
    from rich.table import Table

    first = traces[0].runs[0]
    table = Table(
        title=f"After {len(first.records)} epochs ({first.settings.model} model)",
        caption=f"accuracy: mean and standard deviation of {len(traces[0].runs)} replicas",
        box=box.SIMPLE,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    headings = (
        "cell",
        "acc.\n%",
        "sd\n%",
        "no ADC\nclamp",
        "read\nms",
        "write\nms",
        "read\nmJ",
        "write\nmJ",
    )
    for heading in (*headings, "area\nmm2"):
        table.add_column(heading, justify="right", no_wrap=heading == "cell")
    for one in traces:
        accuracy = [run.records[-1].accuracy for run in one.runs]
        unclamped = [run.records[-1].unclamped for run in one.runs]
        totals = [fmean(values) for values in zip(*(costs[-1].totals for costs in one.costs), strict=True)]
        spread = f"{stdev(accuracy):.2f}" if len(accuracy) > 1 else "-"
        free = "-" if unclamped[0] != unclamped[0] else f"{fmean(unclamped):.2f}"
        figures = [*(1e3 * total for total in totals), one.cost_model.area_m2 * 1e6]
        shown = (f"{figure:.3g}" for figure in figures)
        table.add_row(one.name, f"{fmean(accuracy):.2f}", spread, free, *shown)
    Console().print(table)
    sys.stdout.write(f"traces: {output} and {output.with_suffix('.csv')}\n")
