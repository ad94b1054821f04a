"""Make `trapgen.ingest.keymap.groove` again: `python -m training.keymap DIR`, DIR a copy of Groove.

It takes about four minutes on two cores; the file comes out as it was.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from training.keymap.cases import read_split
from training.keymap.module import write_module
from training.keymap.readings import choose_sure, cross_validate, fit_weights, gather_cases
from training.keymap.voices import fit_voices, read_examples
from trapgen.ingest.keymap import groove


def main() -> None:
    """Fit on the train split of the copy of Groove named on the command line, and write."""
    performances = read_split(Path(sys.argv[1]), "train")
    features, voices, drummers = read_examples(performances)
    # The weights learn from drummers whom the table has not heard, as it will not have in use.
    tables = {}
    for drummer in np.unique(drummers).tolist():
        others = drummers != drummer
        tables[drummer] = fit_voices(features[others], voices[others])
    cases = gather_cases(performances, tables)
    confidence, is_right = cross_validate(cases)
    sure = choose_sure(confidence[cases.is_long], is_right[cases.is_long])
    text = write_module(fit_voices(features, voices), fit_weights(cases), sure)
    Path(groove.__file__).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
