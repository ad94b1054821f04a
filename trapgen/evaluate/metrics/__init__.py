"""Figures about a model and what it writes."""

from trapgen.evaluate.metrics.bootstrap import Interval, Weights, bound, bound_ratio, draw_weights
from trapgen.evaluate.metrics.calibration import Reliability
from trapgen.evaluate.metrics.features import (
    collect_features,
    collect_hits,
    consistency,
    loop_features,
    metric_weights,
    syncopation,
)
from trapgen.evaluate.metrics.goals import OVERLAP, group_features, judge_goals
from trapgen.evaluate.metrics.originality import copy_rate, quantiles
from trapgen.evaluate.metrics.overlap import Cover, Sample, compare_features, overlap_area
from trapgen.evaluate.metrics.score import Scores, bar_accuracy, model_bits, score_loops
