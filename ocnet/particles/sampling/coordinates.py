"""Which coordinate of a quasi-random point drives which noise: the most important first."""

from typing import Any

import numpy as np
from scipy.special import ndtri

from ocnet.laws import Normal
from ocnet.typing import Array

__all__ = ["BrownianBridge", "Coordinates"]


class BrownianBridge:
    """Independent normals of the layers from as many others, the first of which fix the path's end, then its middles.

    W(T) = √T z_0; W(m) given its known neighbours l < m < r is
    ((r − m) W(l) + (m − l) W(r))/(r − l) + √((m − l)(r − m)/(r − l)) z_k,
    and ξ_n = (W(t_{n+1}) − W(t_n))/√dt_n: an orthogonal map of z.   times : (N + 1,) increasing
    Source   Caflisch, Morokoff & Owen (1997).
    """

    def __init__(self, times: Array) -> None:
        self.times = times - times[0]
        self._middles, spans = [], [(0, times.size - 1)]
        for left, right in spans:                                    # grows as it is read: breadth first
            if right - left > 1:
                middle = (left + right) // 2
                self._middles.append((left, middle, right))
                spans += [(left, middle), (middle, right)]

    def __call__(self, z: Array) -> Array:
        """ξ (N, channels, n) of z (N, channels, n)."""
        t, w = self.times, np.empty((len(z) + 1, *z.shape[1:]))
        w[0], w[-1] = 0.0, np.sqrt(t[-1]) * z[0]
        for k, (l, m, r) in enumerate(self._middles, start=1):
            before, after = t[m] - t[l], t[r] - t[m]
            w[m] = (after * w[l] + before * w[r] + np.sqrt(before * after * (t[r] - t[l])) * z[k]) / (t[r] - t[l])
        return np.diff(w, axis=0) / np.sqrt(np.diff(t))[:, None, None]


class Coordinates:
    """The uniforms of all layers of a process as one point.

    Where every layer has the same law, its normal channels come first, as a Brownian bridge over the layers; then the other
    uniforms, layer by layer.  Where laws change from layer to layer, there is no bridge.
    """

    def __init__(self, process: Any) -> None:
        self._laws = [process.law_at(n) for n in range(process.layers)]
        for n, law in enumerate(self._laws):
            if not hasattr(law, "from_uniforms"):
                raise ValueError(f"the noise of layer {n}, of law {law!r}, is not made of uniforms; use sampling=Independent()")
        parts = getattr(self._laws[0], "laws", self._laws[:1])
        self._parts = parts if all(law == self._laws[0] for law in self._laws) else None
        self._bridge = BrownianBridge(process.times)
        self._normals = sum(law.channels for law in parts if isinstance(law, Normal)) if self._parts else 0

    @property
    def number(self) -> int:
        """How many coordinates a point has."""
        return sum(law.uniforms for law in self._laws)

    def noise(self, u: Array) -> list[Array]:
        """[ξ_n (channels, n) of every layer] of points u (number, n) in (0, 1)."""
        layers, m = len(self._laws), self._normals
        if not m:
            ends = np.cumsum([law.uniforms for law in self._laws])
            return [law.from_uniforms(part) for law, part in zip(self._laws, np.split(u, ends[:-1]))]
        normals = self._bridge(ndtri(u[:layers * m]).reshape(layers, m, -1))
        rest = u[layers * m:].reshape(layers, -1, u.shape[1])
        return [self._joined(*layer) for layer in zip(normals, rest)]

    def _joined(self, normals, uniforms):
        """The channels of one layer: its normal ones as they are, the others from their uniforms."""
        channels, used = [], [0, 0]
        for law in self._parts:
            normal = isinstance(law, Normal)
            source, k = (normals, 0) if normal else (uniforms, 1)
            part = source[used[k]:used[k] + law.uniforms]
            channels.append(part if normal else law.from_uniforms(part))
            used[k] += law.uniforms
        return np.concatenate(channels)
