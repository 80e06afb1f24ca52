"""What blocks f = W₂ a(x) + b₂ with |a_j| ≤ 1 share: their size is bounded by their numbers, whatever x."""

__all__ = ["Saturating"]


class Saturating:
    """Base of blocks with `width` hidden units of at most 1 in size, and numbers W2 (d, width), b2 (d,)."""

    @property
    def gain(self):
        """|f(x, θ_n)|² ≤ gain |θ_n|² for all x, by Cauchy–Schwarz: f_i is a product of (W2_i, b2_i) and (a, 1).

        It is attained where all hidden units are 1, so no smaller number does.
        """
        return self.width + 1

    def reach(self, sizes):
        """(d,) what |f_i(x)| cannot exceed at any x for numbers of at most these sizes (named views of (p,) numbers ≥ 0)."""
        return sizes.W2.sum(axis=1) + sizes.b2
