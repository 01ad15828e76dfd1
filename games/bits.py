"""Bits of 64-bit words for rules, each a single instruction of the processor."""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic


@intrinsic
def count_bits(typing_context, word):
    """How many bits of a uint64 are set, as int64."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@intrinsic
def lowest_bit(typing_context, word):
    """Place of the lowest bit that is set, as int64. Trusts: the word is not zero."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@intrinsic
def highest_bit(typing_context, word):
    """Place of the highest bit that is set, as int64. Trusts: the word is not zero."""

    def generate(context, builder, signature, arguments):
        zeros = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.sub(ir.Constant(ir.IntType(64), 63), zeros)

    return types.int64(types.uint64), generate
