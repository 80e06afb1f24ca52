"""Stochastic residual networks as controlled diffusions."""

__version__ = "0.1.0"
