"""Checks of the pipeline's data with great_expectations.

A check is a table, the columns that identify its rows, and expectations with readable descriptions.
Functions create them, because great_expectations takes seconds to import.

A stage imports only the module that it needs, so other tables' rules are no dependency of it.
"""
