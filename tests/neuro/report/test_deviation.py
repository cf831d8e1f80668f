"""Reasons apply where they fit and nowhere else; the default results have no unexplained deviation."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from flow.table import UserError
from neuro.report.comparison import Comparison, Measured
from neuro.report.deviation import Reason, deviations, packaged_reasons, reasons_from_file

SNAPSHOT = Path(__file__).parents[2] / "reference" / "report_results.json"


def comparison(value: float, **changes: str) -> Comparison:
    fields = {"device": "dmtj", "variant": "0.85", "model": "physical", "statistics": "nominal"} | changes
    return Comparison(
        "T",
        fields.pop("quantity", "read_energy"),
        "read energy",
        "fJ",
        fields["device"],
        fields["variant"],
        Measured(value),
        100.0,
        fields["model"],
        fields["statistics"],
    )


REASON = Reason(
    "read_energy", ("dmtj",), ("0.85",), ("physical",), ("nominal",), 15.0, 40.0, "because", "paper"
)


def test_a_reason_accounts_for_the_deviation_it_is_about() -> None:
    (found,) = deviations([comparison(130.0)], [REASON])
    assert found.explained
    assert found.reasons == (REASON,)


@pytest.mark.parametrize(
    "other",
    [
        comparison(70.0),
        comparison(150.0),
        comparison(130.0, device="smtj"),
        comparison(130.0, variant="0.80"),
        comparison(130.0, model="neurosim"),
        comparison(130.0, statistics="population"),
        comparison(130.0, quantity="write_energy"),
    ],
    ids=["other sign", "too far", "device", "oxide", "model", "statistics", "quantity"],
)
def test_it_accounts_for_nothing_else(other: Comparison) -> None:
    (found,) = deviations([other], [REASON])
    assert not found.explained
    assert found.as_json()["explained"] is False


def test_small_deviations_are_not_listed() -> None:
    assert deviations([comparison(110.0)], [REASON]) == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('quantity = "q"\nrange = [-20, 20]\nsource = "paper"\nreason = "x"', "range"),
        ('quantity = "q"\nrange = [30, 20]\nsource = "paper"\nreason = "x"', "range"),
        ('quantity = "q"\nrange = [15]\nsource = "paper"\nreason = "x"', "range"),
        ('quantity = "q"\nrange = [15, 20]\nsource = "guess"\nreason = "x"', "source"),
        ('quantity = "q"\nrange = [15, 20]\nsource = "paper"\nreason = " "', "reason"),
        ('quantity = "q"\ndevice = "tmtj"\nrange = [15, 20]\nsource = "paper"\nreason = "x"', "device"),
        ('quantty = "q"\nrange = [15, 20]\nsource = "paper"\nreason = "x"', "quantty"),
    ],
)
def test_a_bad_reason_is_named(tmp_path: Path, text: str, key: str) -> None:
    file = tmp_path / "deviations.toml"
    file.write_text(f"[[reason]]\n{text}\n")
    with pytest.raises(UserError) as caught:
        reasons_from_file(file)
    assert caught.value.file == str(file)
    assert (caught.value.key or "").endswith(key)


def default_comparisons() -> list[Comparison]:
    """The comparisons of the default run, from the JSON document of `mtj-neuro report`."""
    document = json.loads(SNAPSHOT.read_text())
    return [
        Comparison(
            item["table"],
            item["quantity"],
            item["label"],
            item["unit"],
            item["device"],
            item["variant"],
            Measured(item["value"], item["ci_low"], item["ci_high"]),
            item["paper"],
            item["model"] or "",
            item["statistics"] or "",
            item["given"],
        )
        for item in document["comparisons"]
    ]


def test_every_deviation_of_the_default_results_has_a_reason() -> None:
    """The snapshot is `mtj-neuro report --json` after `make train`; renew it when the results change."""
    found = deviations(default_comparisons(), packaged_reasons())
    assert len(found) > 5
    unexplained = [
        f"{one.comparison.device} {one.comparison.variant} {one.comparison.quantity} {one.comparison.model}"
        for one in found
        if not one.explained
    ]
    assert unexplained == []


def test_no_reason_is_left_over() -> None:
    """A reason for the statistics of the default results that no deviation comes near is stale."""
    rows = default_comparisons()
    statistics = {row.statistics for row in rows}
    stale = []
    for reason in packaged_reasons():
        near = dataclasses.replace(reason, low=reason.low - 5.0, high=reason.high + 5.0)
        if (not reason.statistics or set(reason.statistics) & statistics) and not any(map(near.fits, rows)):
            stale.append(f"{reason.quantity} {reason.devices} {reason.models}")
    assert stale == []
