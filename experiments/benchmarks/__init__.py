"""ocnet against other programs, on the same problems, in the same run.

Fair means: every system solves to an error that is measured and printed beside its time; runs are interleaved A B A B …,
the median counts, and a ratio is the peer's seconds over ocnet's; with one thread the clock is CPU time, and the
process is kept to one core, so that no peer has hidden threads; what is charged and what is not stands in the note of a row.
Peers are optional: pip install 'ocnet[bench]'.  One that is missing is a row without numbers that says so.

    protocol.py   rows, the race, the table        problems.py  P1, P2, Heston's call and their references
    grid.py       the program: options and tasks   setting.py   what all tasks share
    solves.py     tasks at given nodes and steps   equal_error.py  tasks at equal error
    steps.py      the bounded step                 limits.py    what the machine allows, and cost against size
    particles.py  the particle view's program          walk.py      what its tasks share; peers at their best settings
    walks.py      means, a user's diffusion             walk_gradient.py  the gradient;  draws.py  normals, ceiling, overhead
    program.py    the command line of both programs     peers/       one file per peer
"""
