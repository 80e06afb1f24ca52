"""Small faults put into the kernels and schemes on purpose, to see whether the suite catches them: `python -m tests.mutations` (`--help`).

A mutant changes one place of one file (`mutant`): a sign, an index, a factor, a row at a side of the box, a weight.  Some were picked by hand (`chosen`), some
drawn by chance over all places where one token can be wrong (`draw`, kept in `drawn`).  Each is tried on a copy of the repository (`workshop`), the tests
that name what the changed file offers first (`suite`), until one fails (`run`).
"""
