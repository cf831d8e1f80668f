"""`mtj-neuro classify`: weights trained in software, written once into the arrays, tested there."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from neuro.offline_trace import OfflineTrace


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(classify)


def classify(
    tables: Annotated[
        Path, typer.Option(help="Characterised bitcells (HDF5); used unless --cells is given.")
    ] = Path("build/tables/bitcells.h5"),
    cells: Annotated[
        str | None, typer.Option(help="`paper` (the published cells) or a JSON file with a list of cells.")
    ] = None,
    cell: Annotated[
        list[str] | None, typer.Option(help="Only this cell: NAME or NAME/VARIANT; may be repeated.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="physical, or neurosim (the reference simulator's arithmetic).")
    ] = "physical",
    epochs: Annotated[int, typer.Option(min=1, max=10000, help="Epochs of the software training.")] = 15,
    images: Annotated[int, typer.Option(min=1, help="Training images of an epoch.")] = 8000,
    replicas: Annotated[
        int, typer.Option(min=1, max=100000, help="Networks, each in a chip of its own.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Seed of weights, images, chips and errors.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    jobs: Annotated[int | None, typer.Option(min=1, help="Threads (default: one a core).")] = None,
    layers: Annotated[str, typer.Option(help="Neurons of each layer.")] = "400,100,10",
    rates: Annotated[
        str | None, typer.Option(help="Learning rate of each array (default 0.4, ..., 0.2).")
    ] = None,
    bits: Annotated[int, typer.Option(min=1, max=8, help="Cells of a weight.")] = 6,
    optimizer: Annotated[str, typer.Option(help="sgd, momentum, adam or rmsprop.")] = "sgd",
    batch: Annotated[int, typer.Option(min=1, help="Images to one update of the weights.")] = 1,
    adc_bits: Annotated[int, typer.Option(min=1, max=16, help="Bits of the partial-sum converter.")] = 8,
    adc_step: Annotated[
        float | None,
        typer.Option(help="One code in units of the ON-OFF current difference (physical: 2, neurosim: 1)."),
    ] = None,
    adc_reference: Annotated[
        str, typer.Option(help="column: subtract the reference column's code; analog: its current.")
    ] = "column",
    wires: Annotated[
        bool, typer.Option(help="physical model: wire in series with each cell (its share of shared wires).")
    ] = True,
    shared_column: Annotated[
        bool, typer.Option(help="physical model: cells share the wire of their column, as in SPICE.")
    ] = False,
    data_dir: Annotated[
        Path | None, typer.Option(help="Directory of the four IDX files (default: MNIST).")
    ] = None,
    output: Annotated[Path, typer.Option(help="Results (HDF5; a CSV file beside it).")] = Path(
        "build/offline/classification.h5"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
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
