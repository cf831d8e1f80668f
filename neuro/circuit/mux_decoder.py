"""The decoder that selects one of `column_mux` columns."""

from __future__ import annotations

from neuro.circuit.column_mux import ColumnMux
from neuro.circuit.decoder import Decoder, decoder
from neuro.circuit.gate import Gate
from neuro.circuit.namespace import ceil_log2
from neuro.model import Model
from neuro.technology import Core, Technology


def mux_decoder(
    technology: Technology, core: Core, mux: ColumnMux, standard: Gate, nand: Gate, model: Model
) -> Decoder:
    """The decoder for the core's column multiplexer, of three to 64 columns (two to six address bits).

    A selection switches the NMOS and PMOS of one pass gate at every input of the multiplexer.
    """
    return decoder(
        technology,
        ceil_log2(core.column_mux),
        mux.inputs * mux.gate_n_F,
        mux.inputs * mux.gate_p_F,
        standard,
        nand,
        model,
    )
