"""The word-line decoder of the row-by-row read: one of R rows, its driver charging the word line."""

from __future__ import annotations

from neuro.circuit.bitcell_array import BitcellArray
from neuro.circuit.decoder import Decoder, decoder
from neuro.circuit.gate import Gate
from neuro.circuit.namespace import ceil_log2, maximum
from neuro.model import Model
from neuro.technology import Core, Technology


def row_decoder(
    technology: Technology, core: Core, array: BitcellArray, standard: Gate, nand: Gate, model: Model
) -> Decoder:
    """The decoder of the core's rows (at least two address bits); its load is a word line with its gates."""
    bits = maximum(ceil_log2(core.rows), 2.0)
    return decoder(technology, bits, array.row_capacitance_2_F, 0.0, standard, nand, model)
