from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from flow.table import UserError
from neuro import kernel
from neuro.analog_kernel import wire_loss
from neuro.cells import Bitcell
from neuro.network import Network, Settings
from neuro.synapse import Adc
from neuro.training import CompiledEngine, Run, train_all
from tests.near import approx
from tests.neuro.learning import (
    REFERENCE,
    faulty,
    mnist,
    published,
    published_run,
    same_traces,
    short_mnist,
)


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", ["smtj", "dmtj"])
def test_published_accuracies_digit_by_digit(name: str) -> None:
    run = published_run(name)
    assert [round(record.accuracy, 2) for record in run.records] == REFERENCE["accuracy"][name]
    if name in REFERENCE["accuracy_without_clamp"]:
        free = [round(record.unclamped, 2) for record in run.records]
        assert free == REFERENCE["accuracy_without_clamp"][name]


@pytest.mark.parametrize("epochs", [1, 15])
@pytest.mark.parametrize("name", ["smtj", "dmtj"])
def test_published_event_counts_to_the_unit(name: str, epochs: int) -> None:
    record = published_run(name).records[epochs - 1]
    expected = REFERENCE[f"epochs_{epochs}"][name]
    counters = [seen.counters for seen in record.events]
    assert [int(c[kernel.SET_COUNTED]) for c in counters] == expected["set_counted"]
    assert [int(c[kernel.RESET_COUNTED]) for c in counters] == expected["reset_counted"]
    assert [int(c[kernel.SET_FLIPS] + c[kernel.RESET_FLIPS]) for c in counters] == expected["flips"]
    if "changed_synapses" in expected:
        assert [int(c[kernel.CHANGED]) for c in counters] == expected["changed_synapses"]
    assert record.events[0].active_rows == REFERENCE["active_rows"][f"epochs_{epochs}"]
    assert record.events[0].images == record.events[1].images == 8000 * epochs


@pytest.mark.parametrize("name", ["smtj", pytest.param("dmtj", marks=pytest.mark.slow)])
def test_own_generator_lies_in_the_published_spread(name: str) -> None:
    runs = [Run(published(name), Settings(model="neurosim"), replica) for replica in range(4)]
    train_all(runs, mnist(), 15)
    band = REFERENCE["pass_band"]
    centre = band["mean_of_epochs_11_to_15"]
    for field, expected in (("accuracy", centre[name]), ("unclamped", centre["without_clamp"])):
        values = np.array([[getattr(record, field) for record in run.records[10:]] for run in runs])
        assert abs(values.mean() - expected) < band["tolerance_of_4_seed_mean"]
        assert (abs(values[:, -1] - expected) < band["tolerance_of_one_run"]).all()
    assert len({run.records[-1].accuracy for run in runs}) > 1


@pytest.mark.parametrize("seeds", [4, pytest.param(24, marks=pytest.mark.slow)])
def test_own_generator_lies_in_the_published_band_of_the_thin_oxide(seeds: int) -> None:
    """0.80 nm by its ON/OFF ratios alone, the reference column counting right (Dref = n).

    The band holds for the mean over four seeds or more and has one decimal. Four of our seeds have a standard
    error of 0.21 points, more than half of the band; so of 24 the mean itself must lie in it.
    """
    runs = []
    for seed in range(seeds):
        run = Run(with_ratio("smtj", 1.91), Settings(model="neurosim"), seed)
        count_right(run.network)
        train_all([run], mnist(), 15)
        runs.append(run)
    accuracy = {"smtj": np.array([run.records[-1].accuracy for run in runs])}
    # Without the peer's miscount the device does not enter training: both learn the same, S as D.
    accuracy["dmtj"] = np.array([examined(run, with_ratio("dmtj", 1.88)) for run in runs])
    for name, (low, high) in {"smtj": (89.5, 89.8), "dmtj": (88.8, 89.1)}.items():
        mean = accuracy[name].mean()
        assert low <= (round(mean, 1) if seeds == 4 else mean) <= high, name
        # Single runs as at 0.85 nm, where the rule is about four.
        off = accuracy[name][:4] - (low + high) / 2
        assert (np.abs(off) < REFERENCE["pass_band"]["tolerance_of_one_run"]).all(), name


def with_ratio(name: str, ratio: float) -> Bitcell:
    cell = published(name, "0.80")
    return dataclasses.replace(cell, cell=dataclasses.replace(cell.cell, r_on_ohm=1e4, r_off_ohm=1e4 * ratio))


def count_right(network: Network) -> None:
    """Take the peer's miscounting reference column (its defect D9) out."""
    network.reference = [np.arange(rows + 1) for rows, _ in network.settings.shapes]


def examined(run: Run, bitcell: Bitcell) -> float:
    """Accuracy of what `run` learnt when the cells are others."""
    other = Run(bitcell, run.settings, run.replica)
    count_right(other.network)
    other.network.arrays = run.network.arrays
    right, _ = CompiledEngine(mnist()).examine([other])[0]
    return 100.0 * right / len(mnist().test)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(model="neurosim", images_per_epoch=100, seed=4),
        Settings(images_per_epoch=60, seed=4),
        Settings(images_per_epoch=40, adc=Adc(7, 1.5, "analog"), software_weights="readback"),
        Settings(images_per_epoch=40, software_weights="free", rng="libc", bits=4),
        Settings(images_per_epoch=40, wire_ohm=(0.6, 0.2), shared_column=True),
    ],
    ids=["neurosim", "clipped", "readback", "free", "shared column"],
)
def test_torch_and_kernel_leave_the_same_traces(settings: Settings) -> None:
    def runs() -> list[Run]:
        cells = [faulty(published("smtj")), faulty(published("dmtj"))]
        return [Run(cell, settings, replica) for replica, cell in enumerate(cells)]

    compiled, tensors = runs(), runs()
    train_all(compiled, short_mnist(), 2, engine="compiled", jobs=1)
    train_all(tensors, short_mnist(), 2, engine="torch", jobs=1)
    for one, other in zip(compiled, tensors, strict=True):
        same_traces(one, other)
    if settings.model == "physical":
        errors = sum(
            int(seen.counters[kernel.WRITE_ERRORS]) for run in compiled for seen in run.network.events
        )
        assert errors > 20


def test_a_shared_wire_takes_more_current_than_one_of_each_cell() -> None:
    """A column of ON cells alone: what the converter sees, against the line of shunt conductance by hand."""
    wire = (0.0, 0.2)
    plain, shared = (
        Network(published("smtj"), Settings(wire_ohm=wire, shared_column=option)) for option in (False, True)
    )
    rows = plain.settings.layers[0]
    r_on, r_off = shared.bitcell.resistances
    whole = shared.chips[0].on[:, 0].astype(float).sum()
    # G R of a column is its number of ON cells times its wire over the resistance of one.
    loss = shared.shared[0] * whole
    assert loss == approx(rows * (rows * wire[1]) / r_on, rel=1e-2)
    alone = plain.chips[0].on[:, 0].astype(float).sum()
    assert plain.shared == [0.0, 0.0]
    assert wire_loss(whole, shared.shared[0]) < 0.6 * alone < 0.6 * whole
    assert r_off > r_on


def test_mixed_bits_and_converters_in_one_batch() -> None:
    cell = faulty(published("smtj"), rdr=1e-6)
    variety = [
        Settings(images_per_epoch=60, bits=bits, adc=Adc(adc)) for bits, adc in ((3, 6), (6, 8), (8, 9))
    ]
    batched = [Run(cell, settings, 0) for settings in variety]
    alone = [Run(cell, settings, 0) for settings in variety]
    train_all(batched, short_mnist(), 1, engine="torch", jobs=1)
    for run, other in zip(batched, alone, strict=True):
        train_all([other], short_mnist(), 1)
        same_traces(run, other)


@pytest.mark.parametrize("model", ["neurosim", "physical"])
def test_traces_do_not_depend_on_threads_or_company(model: str) -> None:
    settings = Settings(model=model, images_per_epoch=500)

    def runs() -> list[Run]:
        return [Run(published("dmtj"), settings, replica) for replica in range(3)]

    together, apart = runs(), runs()
    train_all(together, short_mnist(), 1, jobs=3)
    for run in reversed(apart):
        train_all([run], short_mnist(), 1, jobs=1)
    for one, other in zip(together, apart, strict=True):
        same_traces(one, other)
    assert not np.array_equal(together[0].network.arrays[0].weights, together[1].network.arrays[0].weights)


@pytest.mark.parametrize(
    ("optimizer", "rates", "batch"),
    [
        ("momentum", (0.2, 0.1), 1),
        ("adam", (0.01, 0.01), 1),
        ("rmsprop", (0.01, 0.01), 2),
        ("sgd", (2.0, 1.0), 4),
    ],
)
def test_every_optimiser_learns(optimizer: str, rates: tuple[float, ...], batch: int) -> None:
    settings = Settings(
        model="neurosim",
        layers=(400, 30, 10),
        rates=rates,
        images_per_epoch=600,
        optimizer=optimizer,
        batch=batch,
    )
    run = Run(published("dmtj"), settings, 0)
    train_all([run], short_mnist(), 1)
    assert run.records[0].unclamped > 35.0
    assert run.network.events[0].counters[kernel.WRITES] == 600 // batch
    assert run.network.events[0].images == 600


def test_any_layers() -> None:
    deep = Settings(
        model="neurosim", layers=(400, 60, 30, 10), rates=(0.8, 0.8, 0.4), images_per_epoch=1500, seed=1
    )
    flat = Settings(layers=(400, 10), rates=(0.3,), images_per_epoch=600)
    runs = [Run(published("dmtj"), settings, 0) for settings in (deep, flat)]
    for run in runs:
        train_all([run], short_mnist(), 1)
        assert len(run.records[0].events) == len(run.settings.layers) - 1
    assert runs[0].records[0].unclamped > 40.0
    assert runs[1].records[0].accuracy > 35.0


def test_offline_classification_of_trained_weights() -> None:
    trained = published_run("smtj")
    weights = [
        array.weights[:, :synapses]
        for array, (_, synapses) in zip(trained.network.arrays, trained.settings.shapes, strict=True)
    ]
    settings = trained.settings
    run = Run(published("smtj"), settings, 0)
    run.network.write_offline(weights)
    right, free = CompiledEngine(mnist()).examine([run])[0]
    assert (right / 100, free / 100) == (trained.records[-1].accuracy, trained.records[-1].unclamped)
    with pytest.raises(UserError, match="shape"):
        Network(published("smtj"), settings).write_offline([weights[1], weights[0]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "other"}, "model"),
        ({"layers": (400,)}, "layers"),
        ({"layers": (400, 10)}, "rates"),
        ({"rates": (0.4, -1.0)}, "positive"),
        ({"bits": 9}, "bits"),
        ({"optimizer": "magic"}, "optimizer"),
        ({"rng": "dice"}, "generator"),
        ({"software_weights": "cut"}, "software"),
        ({"model": "neurosim", "adc": Adc(8, 1.0, "analog")}, "reference"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_settings_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Settings(**change)  # type: ignore[arg-type]


def test_data_that_do_not_fit_are_refused() -> None:
    run = Run(published("smtj"), Settings(layers=(100, 10, 10)), 0)
    with pytest.raises(UserError, match="pixels"):
        train_all([run], short_mnist(), 1)
    with pytest.raises(UserError, match="device"):
        train_all([Run(published("smtj"), Settings(), 0)], short_mnist(), 1, device="nonsense")
