"""`python -m fuzz`: every fuzzer, an equal share of the time each."""

import sys

from fuzz import manifests, midi, models, params, receipts, zips
from fuzz.runner import main

FUZZERS = (
    midi.FUZZER,
    zips.FUZZER,
    params.FUZZER,
    models.FUZZER,
    receipts.FUZZER,
    manifests.FUZZER,
)

if __name__ == "__main__":
    sys.exit(main(FUZZERS))
