"""Area, latency and energy of a synaptic core made of a characterised cell, with uncertainty."""

from neuro.array import SynapticCore, estimate_documents
from neuro.lookup import Lookup
from neuro.technology import Core
from neuro.uncertainty import add_intervals

names = Lookup("build/tables/bitcells.h5", model="physical")

# A field may be an array: four cores at once.
rows = [64, 128, 256, 400]
technology, cell = names.technology("finfet28"), names.cell("2t1mtj_rc_smtj/0.85")
cores = SynapticCore(technology, cell, Core(rows=rows, synapses=100)).evaluate()
for count, area, latency in zip(
    rows, cores.area_m2["total"], cores.read_latency_per_batch_s["core"], strict=True
):
    print(f"{count:4} rows: {area * 1e12:8.0f} um2, one batch read in {latency * 1e9:.2f} ns")

# As a document, as `mtj-neuro estimate` takes it, a core inherits the 95 % intervals of the table.
design = {
    "technology": "finfet28",
    "cell": "2t1mtj_rc_smtj/0.85",
    "core": {"rows": 400, "synapses": 100},
}
documents = names.resolve([design])
results = estimate_documents(documents, "physical")
add_intervals(results, documents, "physical", samples=500, seed=1)
energy = results[0]["read_energy_per_batch_J"]["core"]
low, high = results[0]["intervals"]["read_energy_per_batch_J"]["core"]
print(
    f"read energy of a batch: {energy * 1e12:.2f} pJ (95 %: {low * 1e12:.2f} to {high * 1e12:.2f})"
)
