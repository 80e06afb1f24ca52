"""tanh, logarithm, sine and cosine in single precision, for SIMD loops of eight and more lanes; see `elementary` for how."""

import numpy as np

from .compile import kernel

__all__ = ["log_single", "sine_cosine_of_turn_single", "tanh_single"]

_F = np.float32
_MAGIC = _F(12582912.0)                        # 1.5 · 2²³
_MOST = _F(10.0)                               # tanh 10 rounds to 1
_TWO_LOG2_E, _HALF_LN2, _LN2 = _F(2.8853900817779268), _F(0.34657359027997264), _F(0.6931471805599453)
_HALF_PI, _ONE, _TWO, _FOUR, _HALF = _F(1.5707963267948966), _F(1.0), _F(2.0), _F(4.0), _F(0.5)
_SIX, _FIFTEEN = _F(6.0), _F(15.0)
_ONE_BITS = np.int32(127 << 23)
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_MAGIC_BITS = np.int32(0x4B400000)
_S3, _S5, _S7, _S9 = _F(1 / 6), _F(1 / 120), _F(1 / 5040), _F(1 / 362880)
_C4, _C6, _C8 = _F(1 / 24), _F(1 / 720), _F(1 / 40320)
_L3, _L5, _L7, _L9 = _F(2 / 3), _F(2 / 5), _F(2 / 7), _F(2 / 9)
_23, _1, _2 = np.int32(23), np.int32(1), np.int32(2)


@kernel
def tanh_single(x):
    """tanh x, relative error below 4e-7 (three ulps); NaN stays NaN."""
    y = _MOST if x > _MOST else x
    y = -_MOST if y < -_MOST else y
    shifted = y * _TWO_LOG2_E + _MAGIC
    r = y - (shifted - _MAGIC) * _HALF_LN2
    bits = np.float32(shifted).view(np.int32)
    s = np.int32((bits << _23) + _ONE_BITS).view(np.float32)
    z = r * r
    rq = r * (z + _FIFTEEN)                    # tanh r = r q/p, the first term left out 2e-8
    p = _SIX * z + _FIFTEEN
    return ((s - _ONE) * p + (s + _ONE) * rq) / ((s + _ONE) * p + (s - _ONE) * rq)


@kernel
def log_single(x):
    """Natural logarithm of a normal number x > 0, relative error below 4e-7; not made for 0, Inf or NaN."""
    bits = np.float32(x).view(np.int32)
    n = np.int32(bits - _SQRT_HALF_BITS) >> _23
    m = np.int32(bits - (n << _23)).view(np.float32)
    e = np.int32(n + _MAGIC_BITS).view(np.float32) - _MAGIC
    s = (m - _ONE) / (m + _ONE)
    z = s * s
    p = ((_L9 * z + _L7) * z + _L5) * z + _L3
    return e * _LN2 + (_TWO * s + s * z * p)


@kernel
def sine_cosine_of_turn_single(u):
    """(sin 2πu, cos 2πu) for 0 ≤ u ≤ 1, absolute error below 4e-7."""
    shifted = _FOUR * u + _MAGIC
    quadrant = np.float32(shifted).view(np.int32)
    r = (_FOUR * u - (shifted - _MAGIC)) * _HALF_PI
    z = r * r
    sine = r - r * z * (_S3 - z * (_S5 - z * (_S7 - z * _S9)))
    cosine = _ONE - z * (_HALF - z * (_C4 - z * (_C6 - z * _C8)))
    swapped = (quadrant & _1) != 0
    a = cosine if swapped else sine
    b = sine if swapped else cosine
    return (-a if (quadrant & _2) != 0 else a, -b if ((quadrant + _1) & _2) != 0 else b)
