"""Every public function under bad input: an error that names the argument, or a right and finite answer; never a change of what was given.

    subjects_*.py    the functions, each with arguments that are good: a function left out fails `test_every_public_name_has_a_subject`
    variants.py      what is done to a good argument, and whether it must be refused, must change nothing, or may be either
    verdict.py       one call judged
    __main__.py      `python -m tests.bad_input CASES`: a long run over all subjects, drawn anew, side by side
"""
