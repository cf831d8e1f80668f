"""What a number of the report is made from: quantities of the table, trainings, numbers of the paper.

An object of the results document may say so itself, in a list `sources` of `table:CELL/VARIANT/QUANTITY`,
`table:CELL/VARIANT`, `training:SOURCE/DEVICE/VARIANT/MODEL` (SOURCE: `table`, or `published` for the paper's
cells) and `paper:KEY`; for the comparisons it follows from their fields. Anything else is traced as far as
its device, variant and model go, and then to everything that the report was made from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neuro.explain.address import Number
from neuro.explain.trace_file import Key
from neuro.report.bitcells import MAIN_VARIANT, Bitcells
from neuro.report.comparison import DEVICES
from neuro.report.paper import TABLE_2, TABLE_3

_BITCELL_TABLES = ("Table II", "section III.B")
_PAPER_FIELDS = ("paper", "paper_percent")
# Quantities of the table behind a number of Table II that is none itself.
_MADE_OF = {
    "on_off": ("r_on", "r_off"),
    "write_energy_meant": ("write_energy",),
    "write_pulse_published": ("write_pulse_at_given_voltage_0to1", "write_pulse_at_given_voltage_1to0"),
}
_IN_FEATURE_SIZES = ("cell_area",)
_DATASETS = {name: field_name.rsplit("_", 1)[0] for _, name, _, _, field_name, _ in TABLE_3} | {
    "accuracy": "accuracy",
    "area": "area",
}


@dataclass(frozen=True)
class Sources:
    """`quantities`: CELL/VARIANT/QUANTITY, or CELL/VARIANT for all of a variant. `how`: a sentence.

    `trainings` maps a training to the dataset of its trace that counts ("" for all). `paper`: keys of
    `neuro/data/paper.json`. `file`: a designer's file or document that the number was read from.
    """

    how: str
    quantities: tuple[str, ...] = ()
    trainings: Mapping[Key, str] = field(default_factory=dict)
    paper: tuple[str, ...] = ()
    file: str = ""


def sources_of(
    number: Number, bitcells: Bitcells, document: Mapping[str, Any], trainings: Iterable[Key]
) -> Sources:
    """The sources of one number of the results document."""
    holder, name = number.holder, str(number.field[-1])
    known = list(trainings)
    if isinstance(holder.get("sources"), list) or "file" in holder:
        return _stated(number)
    if number.section in ("comparisons", "deviations"):
        return _of_comparison(holder, name, bitcells)
    if number.section == "advantages":
        return _of_advantage(holder, name, bitcells, document)
    return _by_fields(number, bitcells, known)


def _of_comparison(row: Mapping[str, Any], name: str, bitcells: Bitcells) -> Sources:
    device, variant, quantity = (str(row[key]) for key in ("device", "variant", "quantity"))
    published = () if row.get("paper") is None else (_paper_key(row),)
    if name in _PAPER_FIELDS:
        return Sources("as published", paper=published)
    paper = published if name == "deviation_percent" else ()
    end = ", against the published number" if paper else ""
    if row["table"] in _BITCELL_TABLES:
        names = [*_MADE_OF.get(quantity, (quantity,))]
        if quantity in _IN_FEATURE_SIZES:
            names.append("feature_size")
        how = "ratio of the quantities" if quantity == "on_off" else "quantity of the bitcell table"
        if quantity == "write_pulse_published":
            how = "the longer of the quantities"
        places = tuple(f"{bitcells.name[device]}/{variant}/{name}" for name in names)
        return Sources(how + end, quantities=places, paper=paper)
    dataset = _DATASETS.get(quantity, "")
    how = "area of all cores" if dataset == "area" else "mean of the replicas after the last epoch"
    return Sources(how + end, trainings={("table", device, variant, str(row["model"])): dataset}, paper=paper)


def _of_advantage(
    row: Mapping[str, Any], name: str, bitcells: Bitcells, document: Mapping[str, Any]
) -> Sources:
    quantity = str(row["quantity"]).removesuffix("_meant")
    parts = [
        other
        for other in document["comparisons"]
        if (other["quantity"], other["model"], other["variant"]) == (quantity, row["model"], MAIN_VARIANT)
    ]
    if name in _PAPER_FIELDS:
        keys = [_paper_key(other) for other in parts]
        if str(row["quantity"]).endswith("_meant"):
            keys[-1] = "table_2/dmtj/write_energy_fJ_probably_meant"
        return Sources("100 (DMTJ/SMTJ - 1) of the published numbers", paper=tuple(keys))
    found = [_of_comparison(other, "value", bitcells) for other in parts]
    return Sources(
        f"100 (DMTJ/SMTJ - 1) of {' and '.join(str(other['id']) for other in parts)}",
        quantities=tuple(place for one in found for place in one.quantities),
        trainings={key: dataset for one in found for key, dataset in one.trainings.items()},
    )


def _paper_key(row: Mapping[str, Any]) -> str:
    device, variant, quantity, table = (str(row[key]) for key in ("device", "variant", "quantity", "table"))
    if table == "Table II":
        name = next(name for name, other, _, _ in TABLE_2 if other == quantity)
        return f"table_2/{device}/{name}"
    if table == "Table III":
        name = next(name for name, other, *_ in TABLE_3 if other == quantity)
        return f"table_3/{device}/{variant}/{name}"
    if table == "Fig. 3":
        return f"fig_3_area_mm2/{device}"
    if table == "Fig. 4":
        return f"fig_4_accuracy_percent/{device}/{variant}"
    return f"on_off_at_0.80nm/{device}"


def _stated(number: Number) -> Sources:
    """What the object says in `sources`, and in `file`: the file that the number was read from."""
    quantities: list[str] = []
    trainings: dict[Key, str] = {}
    paper: list[str] = []
    for text in number.holder.get("sources") or ():
        kind, _, place = str(text).partition(":")
        if kind == "table":
            quantities.append(place)
        elif kind == "paper":
            paper.append(place)
        elif kind == "training":
            source, device, variant, model = [*place.split("/"), "", "", "", ""][:4]
            trainings[source, device, variant, model] = _dataset(number)
    file = str(number.holder.get("file") or "")
    how = f"read from {file}" if file else "made of these"
    if str(number.field[-1]) in _PAPER_FIELDS:
        how, file = "as published", ""
    return Sources(how, tuple(quantities), trainings, tuple(paper), file)


def _dataset(number: Number) -> str:
    """The dataset of a trace that a number is made of, as far as its section tells; "" for any."""
    return next((name for name in ("accuracy", "area") if number.section.startswith(name)), "")


def _by_fields(number: Number, bitcells: Bitcells, trainings: Sequence[Key]) -> Sources:
    """As far as device (or cell), variant and model of the object go; without them, everything."""
    holder = number.holder
    device = holder.get("device") or bitcells.device_of(str(holder.get("cell")))
    variant, model = holder.get("variant"), holder.get("model")
    wanted = {
        key: _dataset(number)
        for key in trainings
        if device in (None, key[1]) and variant in (None, key[2]) and model in (None, key[3])
        if key[0] == str(holder.get("source") or "table")
    }
    if model is not None:
        return Sources("from the traces of the training", trainings=wanted)
    devices = [device] if device in DEVICES else list(DEVICES)
    places = tuple(
        f"{bitcells.name[one]}/{name}"
        for one in devices
        for name in bitcells.variants(one)
        if variant in (None, name)
    )
    if device is not None:
        return Sources("from the bitcell table", quantities=places)
    return Sources("from everything that the report was made from", places, wanted)
