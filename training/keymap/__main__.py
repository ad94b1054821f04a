"""Reproduce the key maps' `groove.json`: `python -m training.keymap DIR`, DIR a copy of Groove.

This takes about four minutes on two cores; the file comes out with the same bytes.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from training.keymap.cases import read_split
from training.keymap.readings import choose_sure, cross_validate, fit_weights, gather_cases
from training.keymap.voices import fit_voices, read_examples
from trapgen.core import KEY_MAPS, write_json
from trapgen.ingest import CREDIT
from trapgen.ingest.keymap import GROOVE, MAP_TERMS, RHYTHM_TERMS, VoiceTable, Weights


def main() -> None:
    """Fit on the train split of the copy of Groove named on the command line, and write."""
    performances = read_split(Path(sys.argv[1]), "train")
    features, voices, drummers = read_examples(performances)
    # Weights are fitted on drummers unseen by the voice classifier, as in use.
    tables = {}
    for drummer in np.unique(drummers).tolist():
        others = drummers != drummer
        tables[drummer] = fit_voices(features[others], voices[others])
    cases = gather_cases(performances, tables)
    confidence, is_right = cross_validate(cases)
    sure = choose_sure(confidence[cases.is_long], is_right[cases.is_long])
    write_groove(GROOVE, fit_voices(features, voices), fit_weights(cases), sure)


def write_groove(path: Path, table: VoiceTable, weights: Weights, sure: float) -> None:
    """Write the parameters, rounded to thousandths, with Groove's attribution."""
    names = [*RHYTHM_TERMS, *MAP_TERMS, *KEY_MAPS]
    nats = np.concatenate([weights.rhythm, weights.of_map, weights.prior])
    content = {
        "made_from": "The train split of the Groove MIDI Dataset. " + " ".join(CREDIT.split()),
        "sure": sure,
        "nats": dict(zip(names, nats.round(3).tolist(), strict=True)),
        "voices": {name: part.round(3).tolist() for name, part in asdict(table).items()},
    }
    write_json(path, content)


if __name__ == "__main__":
    main()
