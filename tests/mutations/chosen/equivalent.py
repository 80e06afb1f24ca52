"""Faults that are none: what was picked and then seen to change no promise, with the reason.  They are not tried and not counted."""

from ..mutant import Mutant

__all__ = ["EQUIVALENT"]

EQUIVALENT = (
    (Mutant("platen: the signs for Lévy areas", "ocnet/particles/schemes/platen.py", "(dB[j] * dB[r] + V[r, j])", "(dB[j] * dB[r] + V[j, r])", "index", "V transposed"),
     "V is antisymmetric and its signs are symmetric in law, so V and its transpose −V are one law; a step has other bits and the same distribution"),
    (Mutant("antithetic: pairs side by side", "ocnet/particles/sampling/antithetic.py", "xi[:, int(mirrored)::2]", "xi[:, int(not mirrored)::2]", "index", "the mirror image comes first"),
     "which of a pair is the draw and which its image is promised nowhere: means over pairs are the same"),
)
