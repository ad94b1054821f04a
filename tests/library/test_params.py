"""Parameters: every value out of range is named, and `params.yaml` is read as it stands."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import yaml

from trapgen.core import (
    SIDES,
    AuditParams,
    AugmentParams,
    EvaluateParams,
    ParameterError,
    Params,
    SampleParams,
    SplitParams,
    StandardizeParams,
    TrainParams,
    load_params,
)
from trapgen.core.params.data import GridParams

PARAMS_YAML = Path(__file__).resolve().parents[2] / "params.yaml"


def load_text(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return load_params(path)


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        (GridParams, "grid.steps_per_bar", 20),
        (StandardizeParams, "standardize.key_map", "tr808"),
        (StandardizeParams, "standardize.meter", "3/4"),
        (SplitParams, "split.protocol", "random"),
        (SplitParams, "split.validation_share", -0.1),
        (SplitParams, "split.test_share", 1.1),
        (SplitParams, "split.near_duplicate_distance", float("nan")),
        (AugmentParams, "augment.bars", 0),
        (AugmentParams, "augment.train_loops", -1),
        (AugmentParams, "augment.validation_loops", 2.5),
        (AugmentParams, "augment.rotate_probability", 2),
        (AugmentParams, "augment.vary_probability", -1),
        (AuditParams, "audit.near_duplicate_distance", 1.5),
        (AuditParams, "audit.overlap_tolerance", -0.01),
        (AuditParams, "audit.max_overlap", 2),
        (AuditParams, "audit.chance_replicates", 1),
        (AuditParams, "audit.self_test_leaks", 0),
        (AuditParams, "audit.self_test_recall", 99),
        (AuditParams, "audit.min_effective_sources", 0),
        (TrainParams, "train.layers", 0),
        (TrainParams, "train.units", True),
        (TrainParams, "train.lookback_bars", -1),
        (TrainParams, "train.dropout", 1.0),
        (TrainParams, "train.learning_rate", 0.0),
        (TrainParams, "train.patience", 0),
        (TrainParams, "train.control_share", 0.0),
        (TrainParams, "train.control_share", 0.51),
        (TrainParams, "train.control_share", float("nan")),
        (SampleParams, "sample.loops", 0),
        (SampleParams, "sample.bpm", 0),
        (SampleParams, "sample.bpm", 401),
        (SampleParams, "sample.temperature", 0.0),
        (SampleParams, "sample.temperature", float("nan")),
        (SampleParams, "sample.temperature", float("inf")),
        (SampleParams, "sample.top_p", 0.0),
        (SampleParams, "sample.top_p", 1.01),
        (SampleParams, "sample.structure", "free"),
        (SampleParams, "sample.top_k", -1),
        (SampleParams, "sample.min_p", 1.5),
        (SampleParams, "sample.rolls", -0.1),
        (SampleParams, "sample.fills", -1),
        (SampleParams, "sample.strength", 1.1),
        (SampleParams, "sample.swing", float("nan")),
        (SampleParams, "sample.humanize", 2),
        (SampleParams, "sample.min_novelty", -1),
        (SampleParams, "sample.lock", ("kick",)),
        (EvaluateParams, "evaluate.generated_loops", 0),
        (EvaluateParams, "evaluate.seeds", 0),
    ],
)
def test_a_value_out_of_range_is_named(section, name, value):
    with pytest.raises(ParameterError, match="must be") as caught:
        section(**{name.split(".")[1]: value})
    assert caught.value.name == name
    assert repr(value) in str(caught.value)
    assert caught.value.exit_code == 2


def test_something_is_left_to_train_on():
    with pytest.raises(ParameterError, match="below 1") as caught:
        SplitParams(validation_share=0.5, test_share=0.5)
    assert caught.value.received == 1.0
    shares = [SplitParams(validation_share=0.3, test_share=0.2).share(side) for side in SIDES]
    assert shares == pytest.approx([0.5, 0.3, 0.2])


def test_loops_are_counted_by_side():
    params = AugmentParams(train_loops=5, validation_loops=3, test_loops=2)
    assert [params.n_loops(side) for side in SIDES] == [5, 3, 2]


def test_the_projects_own_file_names_every_parameter():
    content = yaml.safe_load(PARAMS_YAML.read_text(encoding="utf-8"))
    known = {
        section.name: {item.name for item in fields(section.default_factory())}
        for section in fields(Params)
        if section.name != "seed"
    }
    known["standardize"] -= {"steps_per_bar"}  # the grid's
    assert {name: set(values) for name, values in content.items() if name != "seed"} == known
    params = load_params(PARAMS_YAML)
    assert params.seed == content["seed"]
    assert params.train.units == content["train"]["units"]
    assert params.standardize.steps_per_bar == content["grid"]["steps_per_bar"]


def test_what_a_file_leaves_out_has_its_default(tmp_path):
    params = load_text(tmp_path, "seed: 7\ngrid: {steps_per_bar: 16}\ntrain: {}\n")
    assert params.seed == 7
    assert params.standardize == StandardizeParams(16)
    assert params.train == TrainParams()
    assert load_text(tmp_path, "{}") == Params()


def test_whole_numbers_stand_for_fractions(tmp_path):
    assert load_text(tmp_path, "sample: {bpm: 140, temperature: 1}").sample == SampleParams()


def test_texts_are_lists_and_a_number_may_be_missing(tmp_path):
    text = "sample: {require: [snare@3, kick@1], rolls: 1, density: []}"
    sample = load_text(tmp_path, text).sample
    assert (sample.require, sample.rolls, sample.density) == (("snare@3", "kick@1"), 1, ())
    assert load_text(tmp_path, "sample: {rolls: null}").sample == SampleParams()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "params.yaml"),
        ("- 1", "params.yaml"),
        ("grid: [", "params.yaml"),
        ("seed: -1", "seed"),
        ("seed: true", "seed"),
        ("seed: 1.5", "seed"),
        ("model: {}", "section"),
        ("grid: 32", "grid"),
        ("grid:", "grid"),
        ("grid: []", "grid"),
        ("grid: 0", "grid"),
        ("grid: {steps_per_bar: '32'}", "grid.steps_per_bar"),
        ("grid: {steps_per_bar: 32.0}", "grid.steps_per_bar"),
        ("grid: {bars: 2}", "key of grid"),
        ("standardize: {steps_per_bar: 16}", "key of standardize"),
        ("standardize: {by_name: 'no'}", "standardize.by_name"),
        ("train: {epochs: 1.5}", "train.epochs"),
        ("train: {epochs: true}", "train.epochs"),
        ("sample: {primer: 3}", "sample.primer"),
        ("sample: {require: snare@3}", "sample.require"),
        ("sample: {require: [3]}", "sample.require"),
        ("sample: {rolls: often}", "sample.rolls"),
        ("sample: {fills: null}", "sample.fills"),
        ("sample: {temperature: hot}", "sample.temperature"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, name):
    with pytest.raises(ParameterError, match="received") as caught:
        load_text(tmp_path, text)
    assert caught.value.name.endswith(name)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"nowhere\.yaml must be a readable YAML file"):
        load_params(tmp_path / "nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes("seed: 0 # caf\xe9".encode("latin-1"))
    with pytest.raises(ParameterError, match=r"latin\.yaml must be a readable YAML file"):
        load_params(tmp_path / "latin.yaml")


def test_every_stage_has_a_generator_of_its_own():
    draws = {
        (seed, stage): Params(seed=seed).rng(stage).random()
        for seed in (0, 1)
        for stage in ("split", "augment", "audit")
    }
    assert len(set(draws.values())) == len(draws)
    assert Params(seed=1).rng("split").random() == draws[1, "split"]
    assert isinstance(Params().rng("split"), np.random.Generator)
