"""Runs that are killed, stopped, or find the disk full, and go on: what comes out has the same bytes.

`python -m tests.killing` does it to every experiment and to the trainer, 20 instants each; the suite does it to a few (tests/experiments/test_killed.py,
tests/training/test_killed.py).  Runs are forked from a process that has everything loaded, so that a kill costs what it interrupts and no more.
"""
