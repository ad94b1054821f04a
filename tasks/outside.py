"""Loops from outside: exams of their own, on which nothing was trained."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tasks.places import OUTSIDE
from trapgen.core import DrumLoop, ParameterError, Params
from trapgen.dataset import find_learned
from trapgen.evaluate import Exam
from trapgen.ingest import read_collection


def read_outside(
    root: Path, params: Params, learned: Sequence[DrumLoop], steps_per_bar: int
) -> list[Exam]:
    """The sets that `evaluate.outside` names, without what a model has learned.

    Args:
        root: The checkout.
        params: The sets, the reading of files, and the distance of near-duplicates.
        learned: Loops of the training indices of the models that are examined.
        steps_per_bar: Their grid.

    Raises:
        ParameterError: A set is not in `data/outside`.
        InputError: There is no loop in it.
    """
    reading = replace(params.standardize, steps_per_bar=steps_per_bar)
    distance = params.audit.near_duplicate_distance
    exams = []
    for name in params.evaluate.outside:
        folder = root / OUTSIDE / name
        if folder.parent != root / OUTSIDE or not folder.is_dir():
            raise ParameterError("evaluate.outside", f"names of folders in {OUTSIDE}", name)
        exams.append(clean_exam(name, read_collection(folder, reading)[0], learned, distance))
    return exams


def clean_exam(
    name: str, loops: Sequence[DrumLoop], learned: Sequence[DrumLoop], max_distance: float
) -> Exam:
    """An exam of the loops that no model has learned, as themselves or as near-duplicates."""
    known = set(find_learned(loops, learned, max_distance))
    return Exam(name, [loop for at, loop in enumerate(loops) if at not in known], len(known))
