"""Stochastic residual networks as controlled diffusions: loss and gradient on a grid, by the chain, and by particles.

Names load on first use, so that `import ocnet` stays free of the compiler.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Grid": "grid", "MovingGrid": "moving_grid", "Diffusion": "process", "LayeredProcess": "process", "Transition": "process",
    "KolmogorovProblem": "problem", "ValueFunction": "value_function", "Density": "density",
    "solve_backward": "kolmogorov", "solve_forward": "kolmogorov", "solve_chain": "chain",
    "estimate": "particles", "estimate_difference": "particles", "estimate_gradient": "particles", "estimate_multilevel": "particles",
    "propagate": "particles", "ResidualNetwork": "networks", "TrainedNetwork": "networks", "Control": "networks",
    "train": "training", "train_on_grid": "training", "train_in_depth": "training", "LabelledPoints": "training", "Setting": "training", "compare": "analysis",
    "compare_gradients": "analysis", "linear_limit": "analysis", "LinearProblem": "analysis",
    "order_of": "analysis", "stability_region": "analysis", "zero_stability": "analysis",
    "network_ode_distance": "analysis", "Reconstructed": "particles", "Stored": "particles",
    "fgsm": "analysis", "pgd": "analysis", "input_gradient": "analysis", "L2Ball": "analysis", "LInfinityBall": "analysis",
    "lyapunov_exponent": "analysis", "taylor_test": "analysis", "weak_order": "analysis", "set_threads": "kernels.threads",
    "StochasticResNetClassifier": "classifier", "save": "archive", "load": "archive", "ArchiveError": "archive",
    "regularisation_ledger": "analysis", "variance_ledger": "analysis",
    "landscape": "analysis", "top_eigenvalue": "analysis", "warm_up": "compilation",
}

_FAMILIES = ("networks.noise", "networks.blocks", "networks.readouts", "networks.architectures", "training.optimisers", "training.losses",
             "training.criteria", "training.regularisers", "training.objectives", "kolmogorov.schemes", "particles.schemes", "particles.sampling",
             "laws", "boundary", "analysis")

__all__ = sorted(_HOMES)             # noqa: PLE0605 — tools read __init__.pyi


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ocnet' has no attribute {name!r}{_elsewhere(name)}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def _elsewhere(name: str) -> str:
    """A hint at the family that has the name; capitalised ones only, as asking imports families, and Python asks for submodules here before it does so."""
    if name[0].isupper():
        for family in _FAMILIES:
            if name in import_module(f"{__name__}.{family}").__all__:
                return f"; did you mean {__name__}.{family}.{name}?"
    return ""


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
