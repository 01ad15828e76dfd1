"""Arithmetic of the kernels: elementary functions and counter-based random numbers.

The C library's ``exp`` and ``log`` differ in the last bit from one machine to the next, and one bit
can turn a visit. These are built from additions, products and bit patterns alone, which IEEE 754
fixes, so that a search gives the same tree everywhere.
"""

from __future__ import annotations

import numpy as np

from engine.kernels.compiling import inlined, kernel

_LOG2_E = np.float32(1.4426950408889634)
_LN_2 = 0.6931471805599453
_SQRT_2 = 1.4142135623730951
_MANTISSA = np.int64(0x000F_FFFF_FFFF_FFFF)
_EXPONENT_OF_ONE = np.int64(0x3FF0_0000_0000_0000)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S11 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(11)

# 2^f for f in -0.5..0.5 (Taylor); largest relative error 3e-7
_C1, _C2, _C3 = np.float32(0.6931472), np.float32(0.24022651), np.float32(0.05550411)
_C4, _C5, _C6 = np.float32(0.009618129), np.float32(0.0013333558), np.float32(0.00015403530)
_ONE, _HALF, _LEAST = np.float32(1.0), np.float32(0.5), np.float32(-80.0)


@inlined
def exp32(x):
    """``e ** x`` for x <= 0, float32; 1.8e-35 below -80."""
    t = max(x, _LEAST) * _LOG2_E
    whole = np.int32(t - _HALF)
    f = t - np.float32(whole)
    power = f * (_C1 + f * (_C2 + f * (_C3 + f * (_C4 + f * (_C5 + f * _C6))))) + _ONE
    return power * np.int32((whole + np.int32(127)) << np.int32(23)).view(np.float32)


@kernel
def log64(x):
    """Natural logarithm of a positive, normal number, float64; absolute error below 1e-9."""
    bits = np.float64(x).view(np.int64)
    exponent = (bits >> 52) - 1023
    m = np.int64((bits & _MANTISSA) | _EXPONENT_OF_ONE).view(np.float64)
    if m > _SQRT_2:
        m *= 0.5
        exponent += 1
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    series = 1.0 + q * (
        1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11 + q * (1 / 13)))))
    )
    return exponent * _LN_2 + 2.0 * s * series


@kernel
def hash64(seed, number):
    """Mix a seed with a number (SplitMix64's finaliser); both uint64."""
    z = seed + (number + np.uint64(1)) * _GOLDEN
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@kernel
def uniform(seed, number):
    """Number in the open interval (0, 1): the ``number``-th of the stream ``seed``."""
    return (np.float64(hash64(seed, number) >> _S11) + 0.5) * (1.0 / 9007199254740992.0)


@kernel
def gumbel_noise(seed, number):
    """Standard Gumbel variable."""
    return -log64(-log64(uniform(seed, number)))


@kernel
def gamma_noise(seed, alpha):
    """Gamma variable of shape ``alpha`` and scale 1; ``seed`` is used up.

    Source: Marsaglia and Tsang 2000, with the polar method for the normal variable in it.
    """
    # Below shape 1: draw at alpha + 1, then multiply by u ** (1 / alpha).
    shape = alpha + 1.0 if alpha < 1.0 else alpha
    d = shape - 1.0 / 3.0
    c = 1.0 / np.sqrt(9.0 * d)
    number = np.uint64(0)
    one = np.uint64(1)
    while True:
        a = 2.0 * uniform(seed, number) - 1.0
        b = 2.0 * uniform(seed, number + one) - 1.0
        u = uniform(seed, number + one + one)
        number += np.uint64(3)
        square = a * a + b * b
        if square >= 1.0:
            continue
        x = a * np.sqrt(-2.0 * log64(square) / square)
        w = 1.0 + c * x
        v = w * w * w
        if v > 0.0 and log64(u) < 0.5 * x * x + d - d * v + d * log64(v):
            break
    if alpha >= 1.0:
        return d * v
    scaled = log64(uniform(seed, number)) / alpha
    return d * v * np.float64(exp32(np.float32(scaled)))
