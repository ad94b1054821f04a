"""What must hold of the pipeline's data, held by great_expectations.

A rule is data: it names its column, says in words what it asks, and knows the expectation that
holds it. great_expectations runs the rules and writes Data Docs; `trapgen.report` writes the page
that people read.

A stage imports the module that it needs: the rules of one table are no dependency of the others.
"""
