"""What must hold of the pipeline's data, held by great_expectations.

`raw.py`, `tables.py` and `text.py` hold the suites, in great_expectations' own words: look for the
class of an expectation to find a rule. `run.py` runs them, `history.py` keeps the results. A suite
is made in a function, because great_expectations takes seconds to import.

A stage imports the module that it needs: the rules of one table are no dependency of the others.
"""
