"""What solves say of themselves: a report of what was done, and an error bar where one was asked for."""

from dataclasses import dataclass

__all__ = ["ErrorBar", "SolveReport"]


@dataclass(frozen=True)
class SolveReport:
    """What a solve did: scheme (its repr), steps, dimensionless numbers, bounds of the data at start and end of the march.

    peclet    : largest cell Péclet number |f| h / a; above 1 a central drift can oscillate (inf: no noise somewhere)
    courant   : largest |f| dt / h;  diffusion : largest a dt / h²
    bounds_before, bounds_after : (least, greatest) value or mass given, and computed
    monotone  : share of nodes without a negative off-diagonal entry; 1 where the scheme keeps bounds (without a mixed part)
    peclet_least : least cell Péclet number, over axes, nodes and steps
    mass_drift : change of the total mass of a density, what lies on held sides included, over the mass given; None for values
    leak      : largest share of the mass that ever lay on the outermost nodes of sides that hold nothing (reflecting, outflow): what
                a wider box would let go further.  For values, about the share of the paths from the middle of the box that leave it before the
                horizon, where sides were not chosen; else None
    """

    scheme: str
    steps: int
    peclet: float
    courant: float
    diffusion: float
    bounds_before: tuple
    bounds_after: tuple
    monotone: float = 1.0
    peclet_least: float = 0.0
    mass_drift: float | None = None
    leak: float | None = None

    @property
    def overshoot(self) -> float:
        """How far the computed values leave the bounds of the given ones: 0 for a maximum principle (no source)."""
        return max(self.bounds_before[0] - self.bounds_after[0], self.bounds_after[1] - self.bounds_before[1], 0.0)

    def __repr__(self) -> str:
        if self.mass_drift is None:
            kept = f"overshoot {self.overshoot:.2g}" + (f", leak from the middle {self.leak:.2g}" if self.leak else "")
        else:
            kept = f"least mass {self.bounds_after[0]:.2g}, mass drift {self.mass_drift:.2g}, leak ≤ {self.leak:.2g}"
        return (f"SolveReport({self.scheme}, {self.steps} steps, Péclet {self.peclet_least:.3g} to {self.peclet:.3g}, "
                f"Courant ≤ {self.courant:.3g}, {self.monotone:.0%} of nodes monotone, {kept})")


@dataclass(frozen=True)
class ErrorBar:
    """How far the values at the points asked for may be off, by cause; each is the largest over points, near ones and columns.

    space, time : what is left, by the changes when nodes (steps) are halved twice, times 2 (see `_left`)
    box         : change when the box is widened by 1.3
    reached     : whether the sum is within the tolerance
    """

    space: float
    time: float
    box: float
    tolerance: float
    reached: bool

    @property
    def bar(self) -> float:
        """space + time + box."""
        return self.space + self.time + self.box

    def __repr__(self) -> str:
        verdict = "" if self.reached else f", tolerance {self.tolerance:.1g} NOT reached"
        return f"± {self.bar:.2g} (space {self.space:.1g}, time {self.time:.1g}, box {self.box:.1g}{verdict})"
