"""Your own data set: images as IDX files, and a network of the right size trained on them."""

from pathlib import Path

import numpy as np

from neuro import dataset
from neuro.cells import paper_cells
from neuro.network import Settings
from neuro.training import Run, train_all

FOLDER = Path("bars")


def write_idx(path: Path, values: np.ndarray) -> None:
    """Unsigned bytes (8) with as many axes as the array has, sizes big-endian, then the data."""
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    path.write_bytes(header + values.astype(np.uint8).tobytes())


# 8 x 8 pixels, one bright bar in noise; the class is the bar's row (0 to 7) or column (8 to 15).
random = np.random.default_rng(1)
FOLDER.mkdir(exist_ok=True)
for part, count in (("train", 4000), ("t10k", 500)):
    labels = random.integers(0, 16, count)
    images = random.integers(0, 140, (count, 8, 8))
    for image, label in zip(images, labels, strict=True):
        if label < 8:
            image[label] = 255
        else:
            image[:, label - 8] = 255
    write_idx(FOLDER / f"{part}-images-idx3-ubyte", images)
    write_idx(FOLDER / f"{part}-labels-idx1-ubyte", labels)

# A pixel is lit from byte 128 on; the window is the central part of the image, here all of it.
data = dataset.load(FOLDER, window=8)
settings = Settings(layers=(64, 40, data.classes), images_per_epoch=4000, seed=1)
cell = next(cell for cell in paper_cells() if cell.name == "dmtj")
run = Run(cell, settings, replica=0)
train_all([run], data, epochs=3)
for record in run.records:
    print(f"epoch {record.epoch}: {record.accuracy:.1f} % of {len(data.test)} test images")
