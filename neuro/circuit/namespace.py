"""One array namespace for NumPy and torch: the few functions the circuit formulas need.

Every figure of a synaptic core is a float64 expression over arrays of design points. The formulas are
written once, with the operators of Python and the functions of this file; whether they run on NumPy
arrays, on torch tensors of any device, on plain numbers, or are only recorded (to be compiled, see
`neuro.compiled`) follows from their arguments. Integers
(rows, bits, fold counts) are carried as float64, exact up to 2**53.

Divisions and the order of operations are those of IEEE float64 on either side, so that an exact tie in
a comparison or a floor is decided alike everywhere.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any, TypeAlias, TypeVar

import numpy as np

from neuro.circuit.expression import Expression

Array: TypeAlias = Any
"""A float64 NumPy array or torch tensor of design points, or one number; shapes broadcast."""

Record = TypeVar("Record")


def is_tensor(value: object) -> bool:
    """True for a torch tensor; never imports torch (who has a tensor has imported it)."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _torch() -> Any:
    return sys.modules["torch"]


def as_array(value: object, like: Array | None = None) -> Array:
    """`value` as float64: a tensor on the device of the tensor `like`, or a NumPy array or scalar.

    Raises TypeError or ValueError if the value is no number or no rectangular array of numbers.
    """
    if isinstance(value, Expression):
        return value
    if is_tensor(value):
        return value.to(dtype=_torch().float64)  # type: ignore[attr-defined]
    if is_tensor(like):
        return _torch().as_tensor(np.asarray(value, dtype=np.float64), device=like.device)  # type: ignore[union-attr]
    return np.asarray(value, dtype=np.float64)[()]


def ceil(x: Array) -> Array:
    """Smallest integer not below x."""
    if isinstance(x, Expression):
        return x.call("np.ceil({0})")
    return _torch().ceil(x) if is_tensor(x) else np.ceil(x)


def floor(x: Array) -> Array:
    """Largest integer not above x."""
    if isinstance(x, Expression):
        return x.call("np.floor({0})")
    return _torch().floor(x) if is_tensor(x) else np.floor(x)


def log(x: Array) -> Array:
    """Natural logarithm."""
    if isinstance(x, Expression):
        return x.call("math.log({0})")
    return _torch().log(x) if is_tensor(x) else np.log(x)


def sqrt(x: Array) -> Array:
    """Square root."""
    if isinstance(x, Expression):
        return x.call("math.sqrt({0})")
    return _torch().sqrt(x) if is_tensor(x) else np.sqrt(x)


def parity(x: Array) -> Array:
    """Remainder of the integer x divided by two, with the sign of x as in C: parity(-3) is -1."""
    half = x * 0.5
    if isinstance(half, Expression):
        return x - 2 * half.call("np.trunc({0})")
    return x - 2 * (_torch().trunc(half) if is_tensor(half) else np.trunc(half))


def where(condition: Array, yes: Array, no: Array) -> Array:
    """`yes` where the condition holds, else `no`."""
    if isinstance(condition, Expression):
        return condition.call("({1} if {0} else {2})", yes, no)
    if is_tensor(condition):
        return _torch().where(condition, yes, no)
    if isinstance(condition, (bool, np.bool_)):
        return yes if condition else no
    return np.where(condition, yes, no)


def maximum(a: Array, b: Array) -> Array:
    """The larger of the two, element by element."""
    if isinstance(a, Expression) or isinstance(b, Expression):
        one, other = (a, b) if isinstance(a, Expression) else (b, a)
        return one.call("({0} if ({0} > {1} or {0} != {0}) else {1})", other)
    if is_tensor(a) or is_tensor(b):
        like = a if is_tensor(a) else b
        return _torch().maximum(as_array(a, like), as_array(b, like))
    return np.maximum(a, b)


def minimum(a: Array, b: Array) -> Array:
    """The smaller of the two, element by element."""
    if isinstance(a, Expression) or isinstance(b, Expression):
        one, other = (a, b) if isinstance(a, Expression) else (b, a)
        return one.call("({0} if ({0} < {1} or {0} != {0}) else {1})", other)
    if is_tensor(a) or is_tensor(b):
        like = a if is_tensor(a) else b
        return _torch().minimum(as_array(a, like), as_array(b, like))
    return np.minimum(a, b)


def ceil_log2(x: Array) -> Array:
    """Smallest integer a with 2**a >= x, for positive integers x below 2**30."""
    # The margin keeps exact powers of two exact whatever the last bit of the library's log2.
    if isinstance(x, Expression):
        return ceil(x.call("math.log2({0})") - 1e-10)
    logarithm = _torch().log2(x) if is_tensor(x) else np.log2(x)
    return ceil(logarithm - 1e-10)


def power_of_two(exponent: Array) -> Array:
    """2**exponent, exact for integers."""
    if isinstance(exponent, Expression):
        return exponent.call("math.ldexp(1.0, int({0}))")
    return _torch().exp2(exponent).round() if is_tensor(exponent) else np.rint(np.exp2(exponent))


def any_true(condition: Array) -> bool:
    """True if the condition holds for at least one point, or may once it is compiled."""
    if isinstance(condition, Expression):
        return True
    return bool(condition.any()) if hasattr(condition, "any") else bool(condition)


def isfinite(x: Array) -> Array:
    """True where x is neither infinite nor NaN."""
    if isinstance(x, Expression):
        return x.call("({0} - {0} == 0.0)")
    return _torch().isfinite(x) if is_tensor(x) else np.isfinite(x)


def as_integers(x: Array) -> Array:
    """`x` as int64 (a recorded number stays)."""
    if isinstance(x, Expression):
        return x
    return x.to(dtype=_torch().int64) if is_tensor(x) else np.asarray(x, dtype=np.int64)


def to_numpy(x: Array) -> Any:
    """A NumPy array of `x`, copied from the device if need be."""
    return x.detach().cpu().numpy() if is_tensor(x) else np.asarray(x)


def broadcast_to(x: Array, shape: tuple[int, ...], like: Array | None = None) -> Array:
    """`x` seen with `shape`, without a copy."""
    x = as_array(x, like)
    if isinstance(x, Expression):
        return x
    return x.expand(shape) if is_tensor(x) else np.broadcast_to(x, shape)


def shape_of(*values: Array) -> tuple[int, ...]:
    """The common shape of the values after broadcasting."""
    return np.broadcast_shapes(*(tuple(getattr(value, "shape", ())) for value in values))


def numeric_fields(record: Any) -> list[tuple[str, Any]]:
    """Names and values of a dataclass's numeric fields and nested dataclasses: neither text nor absent."""
    return [
        (field.name, getattr(record, field.name))
        for field in dataclasses.fields(record)
        if not isinstance(field.default, str)
        and not (field.default is None and getattr(record, field.name) is None)
    ]


def blank_where(condition: Array, x: Array) -> Array:
    """A copy of `x`, of the same shape, that is NaN where the condition holds."""
    if isinstance(condition, Expression):
        return where(condition, float("nan"), x)
    if is_tensor(x):
        return x.masked_fill(condition, float("nan"))
    copy = np.array(x)
    copy[np.asarray(condition)] = np.nan
    return copy[()]


def leaves(record: Any) -> list[Array]:
    """All numbers and arrays in (nested) dataclasses and dictionaries; absent parts and text left out."""
    if dataclasses.is_dataclass(record):
        return [leaf for _, value in numeric_fields(record) for leaf in leaves(value)]
    if isinstance(record, dict):
        return [leaf for value in record.values() for leaf in leaves(value)]
    return [record]


def as_arrays(record: Record, like: Array | None = None) -> Record:
    """A copy of the dataclass with every number converted by `as_array`; absent parts and text stay."""
    changed: dict[str, Any] = {
        name: as_arrays(value, like) if dataclasses.is_dataclass(value) else as_array(value, like)
        for name, value in numeric_fields(record)
    }
    return dataclasses.replace(record, **changed)  # type: ignore[type-var]
