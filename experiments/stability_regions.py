"""Measure the stability regions of all architectures on u' = λu and draw them.

The region is that of the layer itself: its formula run on λu.  Intervals on the real and on the imaginary axis are found by bisection and set
beside the published ones (MATH 2.1, 2.2); for LM-ResNet they are measured along k too.  Prints a table and draws the regions.
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np

from command_line import OneLineParser, report_errors, whole
from ocnet import plotting, stability_region
from ocnet.networks.architectures import FractalNet, HeunNet, LMResNet, PolyNet, ResNet, RevNet, WayNet
from outcome import keep
from parts import in_folder

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "stability_regions"
CASES = (("ResNet (Euler)", ResNet(), {}), ("PolyNet", PolyNet(), {}), ("2-way", WayNet(), {}), ("FractalNet 2 = HeunNet", FractalNet(), {}),
         ("FractalNet 3", FractalNet(3), {}), ("RevNet", RevNet(), {}), ("LM-ResNet, k = −0.5", LMResNet(), {"k": -0.5}),
         ("LM-ResNet, k = 0.5", LMResNet(), {"k": 0.5}), ("LM-ResNet, k = 1 (leapfrog)", LMResNet(), {"k": 1.0}))
UNDRAWN = (("HeunNet", HeunNet(), {}), ("mPolyNet", PolyNet(weights="own"), {}), ("PolyNet, literal", PolyNet("literal"), {}))


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="stability_regions.py", description=__doc__)
    p.add_argument("--nodes", type=whole, default=401, help="of each axis of z, odd")
    p.add_argument("--coefficients", type=whole, default=37, help="values of k from −0.9 to 0.9 for LM-ResNet's interval")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for stability_regions.json and stability_regions.png")
    return p


def measure(given, part):
    """Return the named StabilityRegions, those to be drawn first, and LM-ResNet's real intervals [(k, measured, stated), …]."""
    regions = [(name, part(name, partial(stability_region, architecture, nodes=given.nodes | 1, **own))) for name, architecture, own in CASES]
    regions += [(name, part(name, partial(stability_region, architecture, nodes=3, **own))) for name, architecture, own in UNDRAWN]
    along = []
    for k in np.linspace(-0.9, 0.9, given.coefficients):
        found = stability_region(LMResNet(), nodes=3, k=float(k))
        along.append((float(k), found.real_interval, found.stated[0]))
    return regions, along


def table(regions, along):
    """Lines of text: a row a case, then the worst along k."""
    def shown(value):
        return "     –" if value is None else f"{value:6.3f}"

    lines = [f"{'architecture':30s}  real  stated   imaginary  stated"]
    lines += [f"{name:30s} {shown(0 - r.real_interval)}  {shown(None if r.stated[0] is None else 0 - r.stated[0])}     "
              f"{shown(r.imaginary_interval)}  {shown(r.stated[1])}" for name, r in regions]
    worst = max(abs(measured - stated) for _, measured, stated in along)
    return lines + [f"LM-ResNet's −2(1 − k) at {len(along)} values of k: off by at most {worst:.1e}"]


def _within(worst):
    """A power of ten that is not below."""
    return f"1e{int(np.ceil(np.log10(max(worst, 1e-16))))}"


def paragraph(regions, along):
    """What was measured, in sentences."""
    of = dict(regions)
    ends = [(found, stated) for _, r in regions for found, stated in zip((r.real_interval, r.imaginary_interval), r.stated) if stated is not None]
    worst = max(abs(found - stated) for found, stated in ends)
    slowed = of["LM-ResNet, k = −0.5"]
    return (f"Layers read as steps for u' = λ u are stable where z = dt λ lies in the shaded region, all roots of the step then being at most 1 in size. ResNet is stable on "
            f"[−{of['ResNet (Euler)'].real_interval:.3g}, 0], PolyNet on [−{of['PolyNet'].real_interval:.3g}, 0] and up to ±{of['PolyNet'].imaginary_interval:.3g} i, RevNet on the "
            f"imaginary axis alone, up to ±{of['RevNet'].imaginary_interval:.3g} i; LM-ResNet with k = −0.5 reaches −{slowed.real_interval:.3g}. The {len(ends)} ends of real and "
            f"imaginary intervals that are known in closed form are met within {_within(worst)}, and so is LM-ResNet's −2(1 − k) at {len(along)} values of k within "
            f"{_within(max(abs(found - stated) for _, found, stated in along))}. Nothing here is sampled, so there are no error bars.")


def draw(regions, along):
    """Return the figure: a panel a region, and LM-ResNet's interval against k."""
    made, panels = plotting.figure(3, 4, 9.6, 7.2)
    for unused in panels[2, 1:]:
        unused.remove()
    last = made.add_subplot(panels[0, 0].get_gridspec()[2, 1:])
    for ax, (name, region) in zip(panels.ravel(), regions):
        region.plot(ax)
        ax.set_title(name)
    k, measured, stated = np.array(along).T
    last.plot(k, -stated, color=plotting.GREY, lw=0.9, label="−2(1 − k)")
    last.plot(k, -measured, ".", ms=4, color=plotting.UPPER, label="measured")
    last.set(xlabel="k", ylabel="end of the real interval", title="LM-ResNet for all k")
    last.legend()
    return made


def main(arguments=None):
    """Measure all; return {"regions": dicts by name, "along_k": [[k, measured, stated], …], "paragraph", "lines": the table}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    with in_folder(given.out, "stability_regions", given) as part:
        regions, along = measure(given, part)
        summary = {"regions": {name: region.to_dict() for name, region in regions}, "along_k": [list(row) for row in along]}
        keep(given.out, "stability_regions", summary, lambda: draw(regions[:len(CASES)], along))
    return {**summary, "paragraph": paragraph(regions, along), "lines": table(regions, along)}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
