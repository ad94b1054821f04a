"""`python -m trapgen.cli` is `trapgen`."""

from trapgen.cli import main

main()
