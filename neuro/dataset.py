"""Images for a binary input layer: IDX files, the central window, black and white (ARRAY.md section 1)."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flow.table import UserError

_SIZE_LIMIT = 2**31
_STEMS = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
# What MNIST's files are; `flow.toolchain.mnist` repeats it, and a test compares the two.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Binary images as lists of their lit pixels.

    `lit` int32 (total lit pixels,): the lit pixels of image i are lit[start[i]:start[i+1]], ascending;
    `start` int64 (images + 1,); `labels` uint8 (images,); `pixels`: inputs per image.
    """

    lit: npt.NDArray[np.int32]
    start: npt.NDArray[np.int64]
    labels: npt.NDArray[np.uint8]
    pixels: int

    def __len__(self) -> int:
        return int(self.labels.size)

    @property
    def lit_count(self) -> npt.NDArray[np.int64]:
        """(images,) lit pixels of each image."""
        return np.diff(self.start)

    def dense(self, index: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.uint8]:
        """(images, pixels) uint8 of 0 and 1, for the images `index` (all by default)."""
        chosen = np.arange(len(self)) if index is None else np.asarray(index)
        out = np.zeros((chosen.size, self.pixels), dtype=np.uint8)
        counts = self.lit_count[chosen]
        row = np.repeat(np.arange(chosen.size), counts)
        # Position of each lit pixel within its image, added to where that image starts.
        within = np.arange(row.size) - np.repeat(np.cumsum(counts) - counts, counts)
        out[row, self.lit[self.start[chosen][row] + within]] = 1
        return out

    def head(self, count: int) -> ImageSet:
        """The first `count` images (all of them if there are fewer)."""
        count = min(count, len(self))
        return ImageSet(
            self.lit[: self.start[count]], self.start[: count + 1], self.labels[:count], self.pixels
        )


@dataclass(frozen=True, slots=True)
class Dataset:
    """A training and a test set with the same number of inputs; `classes` labels 0..classes-1."""

    train: ImageSet
    test: ImageSet
    classes: int


def data_directory(given: Path | None = None) -> Path:
    """Where the IDX files are: `given`, or MTJFLOW_CACHE/mnist, or the user's cache directory."""
    if given is not None:
        return given
    cache = os.environ.get("MTJFLOW_CACHE")
    if cache:
        return Path(cache) / "mnist"
    import platformdirs

    return Path(platformdirs.user_cache_dir("mtjflow")) / "mnist"


def read_idx(path: Path, sha256: str | None = None) -> npt.NDArray[np.uint8]:
    """The unsigned bytes of an IDX file (plain or .gz), in the shape that its header states.

    Raises UserError if the file is missing, has another hash than `sha256` (of its bytes as they lie there),
    is not IDX of unsigned bytes, or is shorter or longer than its header says; the header's size is checked
    before anything is allocated.
    """
    try:
        raw = path.read_bytes()
        if sha256 is not None and hashlib.sha256(raw).hexdigest() != sha256:
            raise UserError(
                "is not the MNIST file (its sha256 differs); run `make setup`, or name your own files with "
                "--data-dir",
                file=path,
            )
        if path.suffix == ".gz":
            unpacker = zlib.decompressobj(wbits=31)
            raw = unpacker.decompress(raw, _SIZE_LIMIT)
            if not unpacker.eof:
                raise UserError("the gzip data are cut short or too large", file=path)
    except FileNotFoundError:
        raise UserError("no such data file; run `make setup` or `mtj-flow setup`", file=path) from None
    except (OSError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"cannot read the data file: {error}", file=path) from None
    if len(raw) < 4 or raw[0] != 0 or raw[1] != 0:
        raise UserError("not an IDX file (its first two bytes must be 0)", file=path)
    if raw[2] != 0x08:
        raise UserError(f"IDX element type 0x{raw[2]:02x} instead of unsigned bytes (0x08)", file=path)
    axes = raw[3]
    header = 4 + 4 * axes
    if not 1 <= axes <= 3 or len(raw) < header:
        raise UserError(f"an IDX header of {axes} axes that the file does not hold", file=path)
    shape = tuple(int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes))
    if math.prod(shape) != len(raw) - header:
        raise UserError(f"the header promises {shape}, the file holds {len(raw) - header} bytes", file=path)
    return np.frombuffer(raw, dtype=np.uint8, offset=header).reshape(shape)


def binary_images(
    images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], window: int, threshold: int = 128
) -> ImageSet:
    """The central `window` x `window` pixels of `images` (n, rows, columns), lit where byte >= threshold.

    With an odd margin the window lies one pixel nearer to the top left. Raises UserError if the window is
    larger than the images or the numbers of images and labels differ.
    """
    if images.ndim != 3 or labels.ndim != 1 or images.shape[0] != labels.shape[0]:
        raise UserError(f"images {images.shape} and labels {labels.shape} do not belong together")
    rows, columns = images.shape[1:]
    if not 1 <= window <= min(rows, columns):
        raise UserError(f"a window of {window} pixels does not fit images of {rows} x {columns}", key="crop")
    top, left = (rows - window) // 2, (columns - window) // 2
    cut = images[:, top : top + window, left : left + window].reshape(images.shape[0], -1)
    image, pixel = np.nonzero(cut >= threshold)
    start = np.zeros(images.shape[0] + 1, dtype=np.int64)
    np.cumsum(np.bincount(image, minlength=images.shape[0]), out=start[1:])
    return ImageSet(pixel.astype(np.int32), start, labels.copy(), window * window)


def load(directory: Path | None = None, window: int = 20, threshold: int = 128) -> Dataset:
    """Any data set in MNIST's four IDX files (`train-*`, `t10k-*`; .gz accepted), cut to the window.

    Without a directory it is MNIST itself, checked by hash. Raises UserError for missing or damaged files.
    """
    place = data_directory(directory)
    known = MNIST_SHA256 if directory is None else {}
    sets = {}
    for name, stems in _STEMS.items():
        paths = [_existing(place, stem) for stem in stems]
        images, labels = (read_idx(path, known.get(path.name)) for path in paths)
        sets[name] = binary_images(images, labels, window, threshold)
    classes = 1 + max(int(part.labels.max(initial=0)) for part in sets.values())
    for name, part in sets.items():
        if len(part) == 0:
            raise UserError(f"the {name} set is empty", file=place)
    return Dataset(sets["train"], sets["test"], classes)


def data_files(directory: Path | None = None) -> list[Path]:
    """The four files that `load` reads."""
    place = data_directory(directory)
    return [_existing(place, stem) for stems in _STEMS.values() for stem in stems]


def _existing(place: Path, stem: str) -> Path:
    plain, packed = place / stem, place / f"{stem}.gz"
    return packed if packed.exists() and not plain.exists() else plain
