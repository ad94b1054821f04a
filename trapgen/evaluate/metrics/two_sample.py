"""Whether a classifier can separate generated loops from others: a two-sample test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import DrumLoop, cut
from trapgen.evaluate.metrics.bootstrap import Interval, bound
from trapgen.evaluate.metrics.loop_features import collect_features

PIECE_BARS: Final = 4
LEAST_FILES: Final = 5
"""Minimum number of files on either side."""

_TREES: Final = 300
_REPLICATES: Final = 200
_NAMED: Final = 5

_DENSITIES: Final = "density"
_PLAYED: Final = ("velocity", "velocity_spread", "timing_spread")
KICK_AND_SNARE: Final = (
    *("kick_syncopation", "snare_syncopation", "kick_consistency", "snare_consistency"),
    *("kick_variety", "backbeat"),
)


def two_sample_test(
    ours: Sequence[DrumLoop], theirs: Sequence[DrumLoop], seed: int, only: Sequence[str] = ()
) -> dict[str, Any] | None:
    """How well a random forest separates two sets of loops, on loops it was not fitted on.

    Loops are cut into pieces of four bars, and described by the features that the evaluation
    compares, without densities, velocities and timing. The pieces of a file stay in one fold. An
    area under the ROC curve of 0.5 is chance, 1 a perfect separation (classifier two-sample test:
    Lopez-Paz and Oquab 2017, arXiv 1610.06545).

    Args:
        ours: Generated loops, on any grid.
        theirs: Loops to compare with.
        seed: Of the folds, the forest and the bootstrap.
        only: Names of features to use; by default all.

    Returns:
        `auc`, and `low` and `high` of its 95% interval over files; `features`, the five that
        separate most by themselves, each with its `auc` (above 0.5 means larger in `ours`). None if
        either side has fewer than five files.
    """
    if min(len(ours), len(theirs)) < LEAST_FILES:
        return None
    # scikit-learn takes a second to import.
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    pieces = [(at, piece) for at, loop in enumerate([*ours, *theirs]) for piece in _cut(loop)]
    files = np.array([at for at, _ in pieces])
    is_ours = files < len(ours)
    features = {
        name: values
        for name, values in collect_features([piece for _, piece in pieces]).items()
        if not name.endswith(_DENSITIES) and name not in _PLAYED and (not only or name in only)
    }
    forest = RandomForestClassifier(
        _TREES, class_weight="balanced", min_samples_leaf=2, random_state=seed, n_jobs=1
    )
    folds = StratifiedGroupKFold(LEAST_FILES, shuffle=True, random_state=seed)
    scores = cross_val_predict(
        forest,
        np.stack(list(features.values()), axis=1),
        is_ours,
        groups=files,
        cv=folds,
        method="predict_proba",
    )[:, 1]
    alone = {name: _measure_auc(values, is_ours) for name, values in features.items()}
    strongest = sorted(alone, key=lambda name: -abs(alone[name] - 0.5))[:_NAMED]
    return {
        "auc": _measure_auc(scores, is_ours),
        **_bound_auc(scores, is_ours, files, np.random.default_rng(seed))._asdict(),
        "features": {name: alone[name] for name in strongest},
    }


def _cut(loop: DrumLoop) -> list[DrumLoop]:
    """Pieces of four bars; the rest of a longer loop, and a shorter loop, are pieces too."""
    return [
        cut(loop, start, min(PIECE_BARS, loop.n_bars - start))
        for start in range(0, loop.n_bars, PIECE_BARS)
    ]


def _measure_auc(
    scores: NDArray[np.float64],
    is_ours: NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(is_ours, scores, sample_weight=weights))


def _bound_auc(
    scores: NDArray[np.float64],
    is_ours: NDArray[np.bool_],
    files: NDArray[np.int64],
    rng: np.random.Generator,
) -> Interval:
    """The interval of the area, with files weighed at random (Bayesian bootstrap)."""
    weights = rng.standard_exponential((_REPLICATES, int(files.max()) + 1))
    return bound(np.array([_measure_auc(scores, is_ours, drawn[files]) for drawn in weights]))
