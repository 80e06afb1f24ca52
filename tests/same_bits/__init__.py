"""The same bits from every computing function of the package, whatever threads, executors, processes, caches or the order of calls do.

subjects : what is computed, a function each;  changes : under which circumstances;  test_same_bits : the cheap ones together, in the suite.
`python -m tests.same_bits` runs each change by itself, in a process of its own, and a cold compile cache.
"""
