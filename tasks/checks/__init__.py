"""What must hold of the pipeline's data, held by great_expectations.

A check is a table, the columns that name its rows, and expectations whose descriptions say in
words what they ask. They are made in functions, because great_expectations takes seconds to import.

A stage imports the module that it needs: the rules of one table are no dependency of the others.
"""
