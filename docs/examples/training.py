"""Train a small batch of replicas: the same network in two cells, with two seeds each."""

from statistics import mean

from neuro import dataset
from neuro.accounting import CostModel
from neuro.cells import paper_cells
from neuro.network import Settings
from neuro.technology import bundled_technology
from neuro.trace import document, trace
from neuro.training import Run, train_all

data = dataset.load()  # MNIST; dataset.load(FOLDER) reads any four IDX files
data = dataset.Dataset(data.train, data.test.head(1000), data.classes)
settings = Settings(model="neurosim", images_per_epoch=1000, seed=3)
technology = bundled_technology().for_model(settings.model)

traces = []
for cell in paper_cells():
    if cell.variant == "0.85":
        runs = [Run(cell, settings, replica) for replica in range(2)]
        train_all(runs, data, epochs=2)
        cost = CostModel(technology, cell, settings.layers, settings.bits, settings.model)
        traces.append(trace(cost, runs))

cells = document(traces, seconds=0.0)["cells"]
for name, variants in cells.items():
    for epoch in variants["0.85"]["epochs"]:
        energy = mean(epoch["write_energy_J"])
        right = mean(epoch["accuracy"])
        print(f"{name} epoch {epoch['epoch']}: {right:.1f} %, writes {energy * 1e6:.0f} uJ")
