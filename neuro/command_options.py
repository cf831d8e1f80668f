"""Options that several commands share, so that they read and mean the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Tables = Annotated[Path, typer.Option(help="Characterised bitcells (HDF5); used unless --cells is given.")]
Cells = Annotated[
    str | None, typer.Option(help="`paper` (the published cells) or a JSON file with a list of cells.")
]
CellNames = Annotated[
    list[str] | None, typer.Option(help="Only this cell: NAME or NAME/VARIANT; may be repeated.")
]
Model = Annotated[str, typer.Option(help="physical, or neurosim (the reference simulator's arithmetic).")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Threads (default: one a core).")]
Layers = Annotated[str, typer.Option(help="Neurons of each layer.")]
Rates = Annotated[str | None, typer.Option(help="Learning rate of each array (default 0.4, ..., 0.2).")]
Bits = Annotated[int, typer.Option(min=1, max=8, help="Cells of a weight.")]
Optimizer = Annotated[str, typer.Option(help="sgd, momentum, adam or rmsprop.")]
Batch = Annotated[int, typer.Option(min=1, help="Images to one update of the weights.")]
AdcBits = Annotated[int, typer.Option(min=1, max=16, help="Bits of the partial-sum converter.")]
AdcStep = Annotated[
    float | None,
    typer.Option(help="One code in units of the ON-OFF current difference (physical: 2, neurosim: 1)."),
]
AdcReference = Annotated[
    str, typer.Option(help="column: subtract the reference column's code; analog: its current.")
]
Wires = Annotated[
    bool, typer.Option(help="physical model: wire in series with each cell (its share of shared wires).")
]
DataDir = Annotated[Path | None, typer.Option(help="Directory of the four IDX files (default: MNIST).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
