"""How two views agree, point by point."""

import numpy as np

from .style import FIRST, UPPER

__all__ = ["agreement", "z_scores"]


def agreement(ax, x, y, x_error, y_error, inside):
    """Draw y against x (n,) with both error bars and the diagonal; points that are not `inside` stand out."""
    for chosen, colour, name in ((inside, FIRST, "within its bars"), (~inside, UPPER, "outside")):
        if chosen.any():
            ax.errorbar(x[chosen], y[chosen], xerr=x_error[chosen], yerr=y_error[chosen], fmt="o", ms=2.5, lw=0.7,
                        color=colour, alpha=0.7, label=f"{name} ({chosen.sum()})", rasterized=True)
    ends = np.array([min(x.min(), y.min()), max(x.max(), y.max())])
    ax.plot(ends, ends, color="black", lw=0.8, label="equal")
    return ax


def z_scores(ax, z):
    """Draw the histogram of z (n,) against the standard normal density; returns the axes."""
    edges = np.linspace(-4.5, 4.5, 28)
    ax.hist(np.clip(z, -4.5, 4.5), bins=edges, density=True, color=FIRST, alpha=0.6, label=f"{z.size} points")
    t = np.linspace(-4.5, 4.5, 200)
    ax.plot(t, np.exp(-0.5 * t**2) / np.sqrt(2 * np.pi), color="black", lw=1.0, label="standard normal")
    ax.set(xlabel="z = difference / its error", ylabel="density")
    return ax
