"""Recorded arithmetic: the circuit formulas run once on expressions, to be compiled into one fused loop.

An `Expression` stands for one number of a design point. Operators and the functions of
`neuro.circuit.namespace` note what is done to it, in the order of the formulas, so that the compiled loop
rounds as NumPy does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Recorder:
    """The list of recorded operations, one line of Python each; equal operations are recorded once."""

    def __init__(self) -> None:
        self.operations: list[str] = []
        self._known: dict[str, Expression] = {}

    def record(self, template: str, *operands: Any) -> Expression:
        """The expression `template` of operands (expressions or plain numbers)."""
        text = template.format(*(text_of(operand) for operand in operands))
        if text not in self._known:
            self._known[text] = Expression(self, len(self.operations))
            self.operations.append(text)
        return self._known[text]


def text_of(operand: Any) -> str:
    """The operand as Python text: the variable of an expression, or a number exact to the last bit."""
    if isinstance(operand, Expression):
        return f"v{operand.number}"
    if isinstance(operand, bool | np.bool_):
        return repr(bool(operand))
    value = float(operand)
    return repr(value) if np.isfinite(value) else f"np.{'nan' if value != value else 'inf'}"


def _binary(symbol: str, reflected: bool = False) -> Callable[[Expression, Any], Expression]:
    template = f"{{1}} {symbol} {{0}}" if reflected else f"{{0}} {symbol} {{1}}"

    def operate(self: Expression, other: Any) -> Expression:
        return self.recorder.record(template, self, other)

    return operate


class Expression:
    """One recorded number or truth value."""

    __slots__ = ("number", "recorder")
    # NumPy scalars to the left leave the operation to the expression.
    __array_ufunc__ = None

    def __init__(self, recorder: Recorder, number: int) -> None:
        self.recorder = recorder
        self.number = number

    __add__, __radd__ = _binary("+"), _binary("+", reflected=True)
    __sub__, __rsub__ = _binary("-"), _binary("-", reflected=True)
    __mul__, __rmul__ = _binary("*"), _binary("*", reflected=True)
    __truediv__, __rtruediv__ = _binary("/"), _binary("/", reflected=True)
    __lt__, __le__ = _binary("<"), _binary("<=")
    __gt__, __ge__ = _binary(">"), _binary(">=")
    __eq__, __ne__ = _binary("=="), _binary("!=")  # type: ignore[assignment]
    __hash__ = object.__hash__

    def __pow__(self, power: Any) -> Expression:
        if not isinstance(power, Expression) and power == 2:
            return self.recorder.record("{0} * {0}", self)
        if not isinstance(power, Expression) and power == 0.5:
            return self.recorder.record("math.sqrt({0})", self)
        return self.recorder.record("{0} ** {1}", self, power)

    def __and__(self, other: Any) -> Any:
        if isinstance(other, bool | np.bool_):
            return self if other else other
        return self.recorder.record("{0} and {1}", self, other)

    def __or__(self, other: Any) -> Any:
        if isinstance(other, bool | np.bool_):
            return other if other else self
        return self.recorder.record("{0} or {1}", self, other)

    __rand__, __ror__ = __and__, __or__

    def __invert__(self) -> Expression:
        return self.recorder.record("not {0}", self)

    def call(self, template: str, *others: Any) -> Expression:
        """Any other operation, with itself as the first operand."""
        return self.recorder.record(template, self, *others)
