"""`mtj-neuro classify`: weights trained in software, written once into the arrays, tested there."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    from neuro.offline_trace import OfflineTrace


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(classify)


def classify(
    tables: Tables = Path("build/tables/bitcells.h5"),
    cells: Cells = None,
    cell: CellNames = None,
    model: Model = "physical",
    epochs: Annotated[int, typer.Option(min=1, max=10000, help="Epochs of the software training.")] = 15,
    images: Annotated[int, typer.Option(min=1, help="Training images of an epoch.")] = 8000,
    replicas: Annotated[
        int, typer.Option(min=1, max=100000, help="Networks, each in a chip of its own.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Seed of weights, images, chips and errors.")] = 0,
    device: Device = "cpu",
    jobs: Jobs = None,
    layers: Layers = "400,100,10",
    rates: Rates = None,
    bits: Bits = 6,
    optimizer: Optimizer = "sgd",
    batch: Batch = 1,
    adc_bits: AdcBits = 8,
    adc_step: AdcStep = None,
    adc_reference: AdcReference = "column",
    wires: Wires = True,
    shared_column: Annotated[
        bool, typer.Option(help="physical model: cells share the wire of their column, as in SPICE.")
    ] = False,
    data_dir: DataDir = None,
    output: Annotated[Path, typer.Option(help="Results (HDF5; a CSV file beside it).")] = Path(
        "build/offline/classification.h5"
    ),
    as_json: AsJson = False,
) -> None:
    """Train in software, write the weights into arrays of bitcells once, test them there."""
    from flow.table import check_writable, digest, open_table
    from neuro import dataset, offline_trace
    from neuro.accounting import CoreOptions, CostModel
    from neuro.network import Settings
    from neuro.offline import classify as classify_in
    from neuro.offline import software_run, train_software
    from neuro.progress import TrainingProgress
    from neuro.provenance import training_provenance
    from neuro.request import chosen_bitcells, default_rates, numbers, window, wired
    from neuro.synapse import Adc
    from neuro.training import check_data, check_device

    started = time.monotonic()
    sizes = numbers(layers, int, "layers")
    step = adc_step if adc_step is not None else (1.0 if model == "neurosim" else 2.0)
    settings = Settings(
        model=model,
        layers=tuple(sizes),
        rates=tuple(numbers(rates, float, "rates")) if rates else default_rates(len(sizes)),
        bits=bits,
        images_per_epoch=images,
        adc=Adc(adc_bits, step, adc_reference),
        shared_column=shared_column,
        optimizer=optimizer,
        batch=batch,
        seed=seed,
    )
    technology, chosen = chosen_bitcells(tables, cells, cell, model)
    options = CoreOptions(partial_sum_bits=adc_bits)
    models = [CostModel(technology, one, settings.layers, bits, model, options) for one in chosen]
    check_writable(output)
    check_device(device)
    data = dataset.load(data_dir, window(settings))
    check_data(settings, data)
    trained = [software_run(chosen[0], settings, replica) for replica in range(replicas)]
    with TrainingProgress(trained, epochs, 0) as progress:
        train_software(trained, data, epochs, jobs=jobs, device=device, watch=progress.show)
    traces = []
    for one, charged in zip(chosen, models, strict=True):
        own = wired(settings, technology, one) if wires else settings
        traces.append(offline_trace.offline_trace(charged, classify_in(trained, one, own, data, device)))
    attributes = {"title": "Offline classification in synaptic arrays", "settings": settings.canonical()}
    attributes["software_epochs"] = str(epochs)
    if cells is None:
        attributes["table_content_sha256"] = digest(open_table(tables))
    inputs = [tables if cells is None else None if cells == "paper" else Path(cells)]
    attributes["provenance"] = training_provenance(inputs, data_dir, seed)
    offline_trace.write_hdf5(traces, output, attributes)
    offline_trace.write_csv(traces, output.with_suffix(".csv"))
    if as_json:
        document = offline_trace.document(traces, time.monotonic() - started)
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
    else:
        _table(traces, model, output)


def _table(traces: Sequence[OfflineTrace], model: str, output: Path) -> None:
    from statistics import fmean

    from rich import box
    from rich.console import Console
    from rich.table import Table

    first = traces[0].found[0]
    table = Table(
        title=f"Written once, {first.inference[0].images} test images ({model} model)",
        caption=f"means of {len(traces[0].found)} replicas; write: all weights once; read: all images",
        box=box.SIMPLE,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    heads = (
        "cell",
        "soft-\nware %",
        "array\n%",
        "wrong\ncells",
        "write\nus",
        "write\nnJ",
        "read\nms",
        "read\nuJ",
    )
    for head in heads:
        table.add_column(head, justify="right", no_wrap=head == "cell")
    for one in traces:
        written = [costs.totals for costs in one.programming]
        read = [costs.totals for costs in one.inference]
        figures = [
            1e6 * fmean(cost[1] for cost in written),
            1e9 * fmean(cost[3] for cost in written),
            1e3 * fmean(cost[0] for cost in read),
            1e6 * fmean(cost[2] for cost in read),
        ]
        table.add_row(
            one.name,
            f"{fmean(found.software for found in one.found):.2f}",
            f"{fmean(found.accuracy for found in one.found):.2f}",
            f"{fmean(found.wrong for found in one.found):.3g}",
            *(f"{figure:.3g}" for figure in figures),
        )
    Console().print(table)
    sys.stdout.write(f"results: {output} and {output.with_suffix('.csv')}\n")
