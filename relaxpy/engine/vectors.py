"""Mathematics on vectors of lanes as LLVM code: what the rules of instructions.py are written over."""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir

# 2**x for |x| <= 1/2, the highest power first: of the polynomials of degree 6 the one whose relative error is least, 1.9e-9
_EXP2 = (
    0.00015345811988481256,
    0.001339993121917682,
    0.009618488957163983,
    0.055503287769654436,
    0.24022646890633795,
    0.6931472057372675,
    1.0000000005541665,
)
_EXP = tuple(coefficient / math.log(2) ** (len(_EXP2) - 1 - k) for k, coefficient in enumerate(_EXP2))

INT32, INT64 = ir.IntType(32), ir.IntType(64)


class Vector:
    """A vector of lanes in a register."""

    __slots__ = ("m", "value")

    def __init__(self, m: Vectors, value: Any) -> None:
        self.m = m
        self.value = value

    def __add__(self, other: Any) -> Vector:
        return self.m.binary("fadd", self, other)

    def __radd__(self, other: Any) -> Vector:
        return self.m.binary("fadd", other, self)

    def __sub__(self, other: Any) -> Vector:
        return self.m.binary("fsub", self, other)

    def __rsub__(self, other: Any) -> Vector:
        return self.m.binary("fsub", other, self)

    def __mul__(self, other: Any) -> Vector:
        return self.m.binary("fmul", self, other)

    def __rmul__(self, other: Any) -> Vector:
        return self.m.binary("fmul", other, self)

    def __truediv__(self, other: Any) -> Vector:
        return self.m.binary("fdiv", self, other)

    def __rtruediv__(self, other: Any) -> Vector:
        return self.m.binary("fdiv", other, self)

    def __neg__(self) -> Vector:
        return Vector(self.m, self.m.builder.fneg(self.value))


class Vectors:
    """Code for vectors of ``width`` floats; ``builder`` says where it goes. No arithmetic is reordered."""

    builder: Any

    def __init__(self, module: Any, double: bool, width: int) -> None:
        self.module = module
        self.double = double
        self.width = width
        self.bytes = 8 if double else 4
        self.scalar = ir.DoubleType() if double else ir.FloatType()
        self.integer = INT64 if double else INT32
        self.type = ir.VectorType(self.scalar, width)

    def constant(self, value: float) -> Vector:
        return Vector(self, ir.Constant(self.type, [float(value)] * self.width))

    def lifted(self, value: Any) -> Vector:
        return value if isinstance(value, Vector) else self.constant(value)

    def for_all(self, truth: Any) -> Any:
        """A mask from one truth."""
        kind = ir.VectorType(truth.type, self.width)
        first = self.builder.insert_element(ir.Constant(kind, ir.Undefined), truth, ir.Constant(INT32, 0))
        places = ir.Constant(ir.VectorType(INT32, self.width), [0] * self.width)
        return self.builder.shuffle_vector(first, first, places)

    def binary(self, operation: str, a: Any, b: Any, flags: tuple[str, ...] = ()) -> Vector:
        build = getattr(self.builder, operation)
        return Vector(self, build(self.lifted(a).value, self.lifted(b).value, flags=flags))

    # comparisons give masks
    def _ordered(self, sign: str, a: Any, b: Any) -> Any:
        return self.builder.fcmp_ordered(sign, self.lifted(a).value, self.lifted(b).value)

    def lt(self, a: Any, b: Any) -> Any:
        return self._ordered("<", a, b)

    def le(self, a: Any, b: Any) -> Any:
        return self._ordered("<=", a, b)

    def eq(self, a: Any, b: Any) -> Any:
        return self._ordered("==", a, b)

    def ne(self, a: Any, b: Any) -> Any:
        return self.builder.fcmp_unordered("!=", self.lifted(a).value, self.lifted(b).value)

    def both(self, first: Any, second: Any) -> Any:
        return self.builder.and_(first, second)

    def either(self, first: Any, second: Any) -> Any:
        return self.builder.or_(first, second)

    def select(self, mask: Any, a: Any, b: Any) -> Vector:
        return Vector(self, self.builder.select(mask, self.lifted(a).value, self.lifted(b).value))

    def truth(self, mask: Any) -> Vector:
        return self.select(mask, 1.0, 0.0)

    def minimum(self, a: Any, b: Any) -> Vector:
        """The smaller one; NaN if either is."""
        return self.select(self.either(self.lt(a, b), self.ne(a, a)), a, b)

    def maximum(self, a: Any, b: Any) -> Vector:
        return self.select(self.either(self.lt(b, a), self.ne(a, a)), a, b)

    def either_larger(self, a: Any, b: Any) -> Vector:
        """The larger one in one instruction; any of the two if either is NaN."""
        return self.select(self.lt(a, b), b, a)

    def either_smaller(self, a: Any, b: Any) -> Vector:
        return self.select(self.lt(b, a), b, a)

    def sign(self, a: Any) -> Vector:
        return self.select(self.lt(0.0, a), 1.0, self.select(self.lt(a, 0.0), -1.0, 0.0))

    def detach(self, a: Vector) -> Vector:
        return a

    def _intrinsic(self, name: str, *operands: Any) -> Vector:
        symbol = f"llvm.{name}.v{self.width}f{8 * self.bytes}"
        function = self.module.globals.get(symbol)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(self.type, [self.type] * len(operands)), symbol)
        return Vector(self, self.builder.call(function, [operand.value for operand in operands]))

    def abs(self, a: Any) -> Vector:
        return self._intrinsic("fabs", self.lifted(a))

    def sqrt(self, a: Any) -> Vector:
        return self._intrinsic("sqrt", self.lifted(a))

    def floor(self, a: Any) -> Vector:
        return self._intrinsic("floor", a)

    def ceil(self, a: Any) -> Vector:
        return self._intrinsic("ceil", a)

    def trunc(self, a: Any) -> Vector:
        return self._intrinsic("trunc", a)

    def round(self, a: Any) -> Vector:
        return self._intrinsic("rint", a)

    def _library(self, name: str, *operands: Any) -> Vector:
        """A function of the C library, lane by lane."""
        symbol = name if self.double else name + "f"
        function = self.module.globals.get(symbol)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(self.scalar, [self.scalar] * len(operands)), symbol)
        result = ir.Constant(self.type, ir.Undefined)
        for lane in range(self.width):
            place = ir.Constant(INT32, lane)
            parts = [self.builder.extract_element(self.lifted(operand).value, place) for operand in operands]
            result = self.builder.insert_element(result, self.builder.call(function, parts), place)
        return Vector(self, result)

    def sigmoid(self, a: Any) -> Vector:
        return 1.0 / (self.exp(-a) + 1.0)

    def exp(self, a: Any) -> Vector:
        """exp by range reduction and a polynomial, or a rational function (Cephes), with less than two units of error."""
        low, high = (-708.39, 709.782712893384) if self.double else (-87.33, 88.72283172607422)
        if self._scales:
            # what lies below the lowest becomes zero, and what lies above the highest infinity, when it is scaled
            low = -760.0 if self.double else -110.0
        bounded = self.select(self.lt(a, low), low, a)
        bounded = self.select(self.lt(high, bounded), high + 1.0, bounded)
        turns = self._intrinsic("rint", bounded * (1 / math.log(2)))
        near, rest = (-1.42860682030941723212e-6, -6.93145751953125e-1) if self.double else (2.12194440e-4, -0.693359375)
        part = self.fused(turns, near, self.fused(turns, rest, bounded))
        power = self._exp_double(part) if self.double else self._polynomial(part, _EXP)
        if self._scales:
            return self._scaled(power, turns)
        return self.select(self.lt(a, low), 0.0, self._times_two_to(power, turns))

    def exp2_of_negative(self, a: Vector) -> tuple[Vector, Vector]:
        """2**a and a for what is not positive: no less than 2**-1097 (2**-159), which counts as zero."""
        low = (-1097.0 if self.double else -159.0) if self._scales else (-1021.0 if self.double else -125.0)
        bounded = self.select(self.lt(a, low), low, a)
        turns = self._intrinsic("rint", bounded)
        part = bounded - turns
        power = self._exp_double(part * math.log(2)) if self.double else self._polynomial(part, _EXP2)
        return (self._scaled if self._scales else self._times_two_to)(power, turns), bounded

    def fused(self, a: Any, b: Any, c: Any) -> Vector:
        """a * b + c"""
        return self._intrinsic("fmuladd", self.lifted(a), self.lifted(b), self.lifted(c))

    def _polynomial(self, x: Vector, coefficients: tuple[float, ...]) -> Vector:
        total = self.constant(coefficients[0])
        for coefficient in coefficients[1:]:
            total = self.fused(total, x, coefficient)
        return total

    def _exp_double(self, r: Vector) -> Vector:
        square = r * r
        top = r * self._polynomial(square, (1.26177193074810590878e-4, 3.02994407707441961300e-2, 1.0))
        bottom = self._polynomial(
            square, (3.00198505138664455042e-6, 2.52448340349684104192e-3, 2.27265548208155028766e-1, 2.0)
        )
        return self.fused(top / (bottom - top), 2.0, 1.0)

    def _times_two_to(self, factor: Vector, turns: Vector) -> Vector:
        """factor * 2**turns, in two steps, since 2**turns alone may overflow; NaN where they are."""
        bits, bias = (52, 1023) if self.double else (23, 127)
        integers = ir.VectorType(self.integer, self.width)

        def splat(value: int) -> Any:
            return ir.Constant(integers, [value] * self.width)

        known = self.select(self.eq(turns, turns), turns, 0.0)  # NaN is no integer
        exponent = self.builder.fptosi(known.value, integers)
        half = self.builder.ashr(exponent, splat(1))
        for part in (half, self.builder.sub(exponent, half)):
            raised = self.builder.shl(self.builder.add(part, splat(bias)), splat(bits))
            factor = factor * Vector(self, self.builder.bitcast(raised, self.type))
        return factor

    @property
    def _scales(self) -> bool:
        """Is there an instruction for factor * 2**turns? AVX-512 has one."""
        return self.width * self.bytes == 64 and str(self.module.triple).startswith("x86_64")

    def _scaled(self, factor: Vector, turns: Vector) -> Vector:
        symbol, mask = f"llvm.x86.avx512.mask.scalef.p{'d' if self.double else 's'}.512", ir.IntType(self.width)
        function = self.module.globals.get(symbol)
        if function is None:
            kind = ir.FunctionType(self.type, [self.type, self.type, self.type, mask, INT32])
            function = ir.Function(self.module, kind, symbol)
        as_set = ir.Constant(INT32, 4)  # rounding is as the control register says
        operands = [factor.value, turns.value, factor.value, ir.Constant(mask, -1), as_set]
        return Vector(self, self.builder.call(function, operands))


def _of_library(name: str) -> Any:
    def function(self: Vectors, *operands: Any) -> Vector:
        return self._library(name, *operands)

    function.__name__ = name
    return function


for (
    _name
) in "expm1 log log1p tanh sin cos tan asin acos atan sinh cosh asinh acosh atanh erf erfc pow hypot atan2".split():
    setattr(Vectors, _name, _of_library(_name))
