"""The torch path as a GPU would run it: nothing waits for the host, no tensor lies on another device."""

from __future__ import annotations

import functools
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from neuro import clock, random, tensor_random
from neuro.network import Network, Settings
from neuro.synapse import Adc
from neuro.tensor_network import Batch, TorchEngine
from neuro.training import Run, train_all
from tests.neuro.learning import faulty, published, same_traces, short_mnist

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(model="neurosim"),
        Settings(),
        Settings(software_weights="readback", adc=Adc(7, 1.5, "analog")),
        Settings(layers=(400, 20, 12, 10), rates=(0.1, 0.1, 0.1), optimizer="adam", batch=2),
        Settings(model="neurosim", optimizer="momentum"),
    ],
    ids=["neurosim", "physical", "readback", "adam in batches", "momentum"],
)
def test_learning_never_asks_the_device(settings: Settings) -> None:
    """Tensors of the `meta` device have no values: what reads one back, or meets another device, fails."""
    networks = [Network(faulty(published(name)), settings, 3) for name in ("smtj", "dmtj")]
    batch = Batch(networks, torch.device("meta"), first_step=0)
    for _ in range(2):
        pixels = torch.empty((2, 400), dtype=torch.uint8, device="meta")
        batch.learn(pixels, torch.empty(2, dtype=torch.int64, device="meta"), 150)
    images = torch.empty((2, 30, 400), dtype=torch.uint8, device="meta")
    assert batch.classify(images, clamp=True).shape == (2, 30)
    held = [*batch.weights, *batch.digits, *batch.counters, *batch.histogram]
    held += [] if batch.cells is None else batch.cells.tensors()
    assert {tensor.device.type for tensor in held} == {"meta"}


def test_random_numbers_are_those_of_the_compiled_path() -> None:
    values = np.concatenate(
        [np.random.default_rng(0).random(2000), [1e-300, 0.5, 0.7071067811865476, 1 - 1e-16]]
    )
    compiled = np.array([random.minus_log(value) for value in values])
    np.testing.assert_array_equal(tensor_random.minus_log(torch.from_numpy(values)).numpy(), compiled)
    np.testing.assert_allclose(compiled, -np.log(values), rtol=1e-15)
    seeds, replicas = torch.tensor([4, 9]), torch.tensor([0, 7])
    first = 2**33 + 5  # steps of more than one word
    events = tensor_random.failure_events(seeds, replicas, first, 2, 1, 300).numpy()
    rates = torch.tensor([1e-3, 0.0], dtype=torch.float64)
    reads, marks = tensor_random.disturb_candidates(seeds, replicas, rates, first, 2, 1, 40)
    for step in range(2):
        for row in range(2):
            key = (np.uint32(seeds[row]), np.uint32(replicas[row]), first + step)
            lives = [int(clock.lifetime(*key, draw, 1)) for draw in range(300)]
            np.testing.assert_array_equal(events[step, row], np.cumsum(lives))
            places, found_marks = np.zeros(40, np.int64), np.zeros(40)
            rate = float(rates[row])
            count = clock.disturbs(*key, 1, 20000, rate, places, found_marks)
            np.testing.assert_array_equal(reads[step, row, :count].numpy(), places[:count])
            np.testing.assert_array_equal(marks[step, row, :count].numpy(), found_marks[:count])
            assert (reads[step, row] < 20000).sum() == count
            assert (count > 0) == (rate > 0.0)


def test_an_image_with_more_errors_than_provided_for_is_learnt_again() -> None:
    cell, settings = faulty(published("smtj"), 0.05), Settings(images_per_epoch=20)
    data = short_mnist()
    engine, one, other = TorchEngine(data), Run(cell, settings, 0), Run(cell, settings, 0)
    engine.flipping = 1e-4
    order = one.next_images(len(data.train), 20)
    engine.learn([one], [order])
    assert engine.flipping > 1e-4
    one.image += 20
    one.close_epoch(*engine.examine([one])[0], len(data.test))
    train_all([other], data, 1)
    same_traces(one, other)


@functools.cache
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_benchmark", ROOT / "benchmarks" / "gpu.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module


def test_gpu_benchmark_on_the_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = "--cases 6 --targets 0.2 --budget 0 --batch 200 --points 300 --replicas 3 --images 6 --compared 2"
    assert benchmark().main(["--device", "cpu", *sizes.split()]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["estimator"]["reference_figures"] == 560
    assert result["fokker_planck"]["largest_relative_difference"] < 1e-6
    assert [one["same_traces_as_cpu"] for one in result["learning"]] == [True, True]
    assert result["llg"][0]["trajectories"] == 200


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_gpu_benchmark_without_a_device_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark().main([]) == 2
    assert capsys.readouterr().err == "no CUDA device: nothing measured\n"


def test_gpu_benchmark_needs_no_circuit_simulator() -> None:
    """What a bare machine with torch lacks is not imported on the way."""
    code = (
        "import sys\n"
        "gone = ('PySpice', 'joblib', 'psutil', 'platformdirs', 'matplotlib')\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in gone:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "import flow.device.fokker_planck, flow.device.fokker_planck_torch, flow.device.llg\n"
        "import flow.device.trajectories, neuro.array, neuro.cells, neuro.dataset, neuro.network\n"
        "import neuro.tensor_network, neuro.training\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
