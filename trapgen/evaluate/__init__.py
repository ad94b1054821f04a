"""Evaluation of a model on data that the audit cleared."""

from trapgen.evaluate.baselines import NAMES, baseline_bits, fit_baselines
from trapgen.evaluate.compare import Exam, Result, decide, examine, measure_copies
from trapgen.evaluate.evaluation import evaluate
from trapgen.evaluate.headline import pick_headline
from trapgen.evaluate.metrics.goals import LEAST_RATIO, group_features
from trapgen.evaluate.metrics.loop_features import collect_features
from trapgen.evaluate.metrics.score import model_bits, model_bits_by_loop
