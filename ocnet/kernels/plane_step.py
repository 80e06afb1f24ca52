"""One transition of a Markov chain on a plane: values back through smoothing and a limited spline, masses forth, in one call a column.

A column (one of q functions on the same nodes) is the task: columns do not meet until the end, so threads that take one each wait for one another
once a step, not at each of its six passes, and on small grids a step costs one call and not six.  The passes are those of `smoothing`,
`prefilter`, `ghosts` and `interpolation`, with the same bits as when they are launched one by one.
"""

from numba import prange

from .compile import kernel, parallel
from .ghosts import pad_plane, unpad_plane
from .interpolation import interpolate, interpolate_transposed
from .prefilter import prefilter
from .smoothing import across_rows, along_rows

__all__ = ["STRIPS", "backward", "backward_tiles", "forward", "forward_tiles"]

STRIPS = 2                           # partial sums of a transposed interpolation, added in order


@kernel
def _smoothed(u, w0, w1, work, out):
    """Both filters of u (q, n0, n1) into out, by way of work."""
    q, n0, n1 = u.shape
    rows = (q * n0, n1)
    if w0.size == 1 and w1.size == 1:
        out[:] = u
    elif w1.size == 1:
        across_rows(u, w0, 0, q * n0, out)
    elif w0.size == 1:
        along_rows(u.reshape(rows), w1, 0, q * n0, out.reshape(rows))
    else:
        across_rows(u, w0, 0, q * n0, work)
        along_rows(work.reshape(rows), w1, 0, q * n0, out.reshape(rows))


@kernel
def _spline(v, factors0, factors1, work, more, c):
    """Padded coefficients c of v (q, n0, n1), natural ends; work and more are like v."""
    q, n0, n1 = v.shape
    lines = (q * n0, n1, 1)
    prefilter(v.reshape(lines), factors1, 0, 0, False, 0, q * n0, work.reshape(lines))
    if n0 > 1:
        prefilter(work, factors0, 0, 0, False, 0, q * n1, more)
        pad_plane(more, 0, 0, 0, 0, c)
    else:
        pad_plane(work, 0, 0, 0, 0, c)


@kernel
def _spline_transposed(c, factors0, factors1, work, out):
    """The transposed map, from c, which is used up, into out (q, n0, n1)."""
    q, n0, n1 = out.shape
    lines = (q * n0, n1, 1)
    unpad_plane(c, 0, 0, 0, 0, out)
    if n0 > 1:
        prefilter(out, factors0, 0, 0, True, 0, q * n1, work)
        prefilter(work.reshape(lines), factors1, 0, 0, True, 0, q * n0, out.reshape(lines))
    else:
        prefilter(out.reshape(lines), factors1, 0, 0, True, 0, q * n0, work.reshape(lines))
        out[:] = work


@kernel
def _extremes(v, bounds):
    """The nodes (row, column) of the smallest and the largest value of each of v (q, n0, n1), the first of equals: (q, 4)."""
    for p in range(v.shape[0]):
        smallest = largest = v[p, 0, 0]
        bounds[p] = 0
        for i in range(v.shape[1]):
            for k in range(v.shape[2]):
                value = v[p, i, k]
                if value < smallest:
                    smallest = value
                    bounds[p, 0], bounds[p, 1] = i, k
                if value > largest:
                    largest = value
                    bounds[p, 2], bounds[p, 3] = i, k


@kernel
def _share_edges(masses, factor, axis):
    """Multiply the masses (q, n0, n1) on the two end nodes of an axis by a factor."""
    n0, n1 = masses.shape[1], masses.shape[2]
    for p in range(masses.shape[0]):
        if axis == 0:
            for k in range(n1):
                masses[p, 0, k] *= factor
                masses[p, n0 - 1, k] *= factor
        else:
            for i in range(n0):
                masses[p, i, 0] *= factor
                masses[p, i, n1 - 1] *= factor


@kernel
def _smoothed_transposed(masses, w0, w1, work, out):
    """Sᵀ = D S D⁻¹ of masses, which are used up, D one half on the sides of each axis that is smoothed."""
    sizes = (w0.size, w1.size)
    for axis in range(2):
        if sizes[axis] > 1:
            _share_edges(masses, 2.0, axis)
    _smoothed(masses, w0, w1, work, out)
    for axis in range(2):
        if sizes[axis] > 1:
            _share_edges(out, 0.5, axis)


@kernel
def backward(u, w0, w1, factors0, factors1, feet, shares, origin, inverse_spacing, limited, lo, hi, work, v, c, bounds, out):
    """E u(X⁺) of the columns lo … hi − 1 of u (q, n0, n1), with what `forward` needs.

    w0, w1 filters of the two axes; factors as from `prefilter_factors`; feet (branches, 2, points) and shares (branches,)
    work (2, q, n0, n1) scratch; v (q, n0, n1) smoothed values; c their padded coefficients; bounds (q, 4) the nodes of their extremes;
    out (q, points)
    """
    values, coefficients, one, two = v[lo:hi], c[lo:hi], work[0][lo:hi], work[1][lo:hi]
    _smoothed(u[lo:hi], w0, w1, one, values)
    _spline(values, factors0, factors1, one, two, coefficients)
    _extremes(values, bounds[lo:hi])
    interpolate(coefficients, values, bounds[lo:hi], feet, shares, origin, inverse_spacing, limited, 0, feet.shape[2], out[lo:hi])


@kernel
def forward(masses, w0, w1, factors0, factors1, feet, shares, origin, inverse_spacing, limited, v, c, bounds, lo, hi,
            c_parts, v_parts, feet_cotangent, out):
    """The transposed step of the columns lo … hi − 1 of masses (q, points) into out (q, n0, n1).

    c_parts (q, STRIPS, …) like c and v_parts (q, STRIPS, n0, n1) scratch; feet_cotangent (q, branches, 2, points): of each column by itself
    """
    points = feet.shape[2]
    for p in range(lo, hi):
        one, c_part, v_part = slice(p, p + 1), c_parts[p], v_parts[p]
        c_part[:] = 0.0
        v_part[:] = 0.0
        for k in range(STRIPS):
            part = slice(k, k + 1)
            interpolate_transposed(c[one], v[one], bounds[one], feet, shares, origin, inverse_spacing, limited, masses[one],
                                   points * k // STRIPS, points * (k + 1) // STRIPS, c_part[part], v_part[part], feet_cotangent[p])
        for k in range(1, STRIPS):
            c_part[0] += c_part[k]
            v_part[0] += v_part[k]
        whole, sums, work = v_part[:1], out[one], v_part[1:2]
        _spline_transposed(c_part[:1], factors0, factors1, work, sums)
        whole += sums
        _smoothed_transposed(whole, w0, w1, work, sums)


@parallel
def backward_tiles(u, w0, w1, factors0, factors1, feet, shares, origin, inverse_spacing, limited, size, chunk, work, v, c, bounds, out):
    for tile in prange((size + chunk - 1) // chunk):
        backward(u, w0, w1, factors0, factors1, feet, shares, origin, inverse_spacing, limited,
                 tile * chunk, min((tile + 1) * chunk, size), work, v, c, bounds, out)


@parallel
def forward_tiles(masses, w0, w1, factors0, factors1, feet, shares, origin, inverse_spacing, limited, v, c, bounds, size, chunk,
                  c_parts, v_parts, feet_cotangent, out):
    for tile in prange((size + chunk - 1) // chunk):
        forward(masses, w0, w1, factors0, factors1, feet, shares, origin, inverse_spacing, limited, v, c, bounds,
                tile * chunk, min((tile + 1) * chunk, size), c_parts, v_parts, feet_cotangent, out)
