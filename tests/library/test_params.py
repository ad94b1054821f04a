"""Parameters: every value out of range is named, and `params.yaml` is read as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.networks import make_humanizer, make_network
from tests.strategies import make_loop
from trapgen.cli import app
from trapgen.core import (
    SECTIONS,
    AuditParams,
    AugmentParams,
    EvaluateParams,
    ParameterError,
    Params,
    SampleParams,
    SplitParams,
    StandardizeParams,
    TrainParams,
    definitions,
    format_params,
    load_params,
    make_rng,
    make_section,
)
from trapgen.core.params.data import GridParams
from trapgen.core.params.define import define
from trapgen.generate import Generator, generate, read_generation_recipe
from trapgen.generate.constraints.parse import read_temperatures

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
        (SampleParams, "sample.bars", 513),
        (SampleParams, "sample.loops", 10**9),
        (SampleParams, "sample.top_k", 514),
        (SampleParams, "sample.primer", None),
        (SampleParams, "sample.choke", 1),
        (SampleParams, "sample.require", "snare@3"),
        (TrainParams, "train.weight_decay", float("inf")),
        (TrainParams, "train.epochs", 10**6),
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


def test_params_yaml_has_every_parameter_its_default_and_what_it_does():
    # `python -m tasks.params` writes it.
    assert PARAMS_YAML.read_text(encoding="utf-8") == format_params(Params())
    assert load_params(PARAMS_YAML) == Params()


def test_every_parameter_says_what_it_does_and_holds_to_a_range():
    for name, section in [("", Params), *SECTIONS.items()]:
        for key, definition in definitions(section).items():
            assert definition.help[0] != " ", (name, key)
            assert definition.sentence.endswith("."), (name, key)
            is_number = definition.kind in (int, float)
            assert not is_number or definition.choices or definition.low < definition.high
            definition.check(key, definition.default)


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.sampled_from([10**5000, "x" * 10**5, ["y"] * 10**5, -(2**63), 1e308]),
)


@given(st.data(), values)
def test_a_value_of_any_kind_is_taken_or_named(data, value):
    name = data.draw(st.sampled_from(sorted(SECTIONS)))
    key = data.draw(st.sampled_from(sorted(definitions(SECTIONS[name]))))
    try:
        made = getattr(make_section(name, {key: value}), key)
    except ParameterError as error:
        refusal = error
    else:
        assert made == (tuple(value) if isinstance(value, list) else value)
        return
    assert refusal.name.startswith((name, f"key of {name}"))
    assert len(str(refusal)) < 1000


def test_a_new_control_is_defined_once(monkeypatch, tmp_path):
    @dataclass(frozen=True, slots=True)
    class MoreParams(SampleParams):
        __doc__ = SampleParams.__doc__

        crash: float = define(0.5, "Chance of a crash on the one")

    monkeypatch.setitem(SECTIONS, "sample", MoreParams)
    shown = CliRunner().invoke(app, ["generate", "--help"]).output
    assert "--crash NUMBER" in shown
    assert "Chance of a crash on the one (0 to 1)." in shown
    refused = CliRunner().invoke(app, ["generate", "--out", str(tmp_path), "--crash", "2"])
    assert str(refused.exception) == "sample.crash must be a number from 0 to 1 (received 2.0)"
    params = load_text(tmp_path, "sample: {loops: 1, bars: 1, crash: 0.25}").sample
    assert params.crash == 0.25
    with pytest.raises(ParameterError, match=r"sample\.crash must be a number from 0 to 1 .*2"):
        load_text(tmp_path, "sample: {crash: 2}")
    assert "  crash: 0.5 " in format_params(Params(sample=MoreParams()))
    generator = Generator(
        make_network(), make_humanizer(), [make_loop((0, 0))], "0" * 16, data_hash="0" * 16
    )
    (receipt,) = generate(generator, params, 0, tmp_path)
    assert receipt["crash"] == 0.25
    making, _ = read_generation_recipe(tmp_path / "loop-140bpm-0-00001.json")
    assert making.params.crash == 0.25


def test_what_a_file_leaves_out_has_its_default(tmp_path):
    params = load_text(tmp_path, "seed: 7\ngrid: {steps_per_bar: 16}\ntrain: {}\n")
    assert params.seed == 7
    assert params.standardize == StandardizeParams(16)
    assert params.train == TrainParams()
    assert load_text(tmp_path, "{}") == Params()


def test_whole_numbers_stand_for_fractions(tmp_path):
    assert load_text(tmp_path, "sample: {swing: 0, temperature: 1}").sample == SampleParams()


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
        ("seed: 4294967296", "seed"),
        (f"seed: {'9' * 5000}", "params.yaml"),
        (f"seed: 0x{'f' * 5000}", "seed"),
        ("1: {}", "section"),
        ("sample: {1: 2}", "key of sample"),
        ("sample: {bpm: 2026-11-03}", "sample.bpm"),
        ("sample: {bpm: .nan}", "sample.bpm"),
        ("sample: {lock: [kick, [snare]]}", "sample.lock"),
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
    assert len(str(caught.value)) < 1000


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"nowhere\.yaml must be a readable YAML file"):
        load_params(tmp_path / "nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes("seed: 0 # caf\xe9".encode("latin-1"))
    with pytest.raises(ParameterError, match=r"latin\.yaml must be a readable YAML file"):
        load_params(tmp_path / "latin.yaml")


def test_every_stage_has_a_generator_of_its_own():
    draws = {
        (seed, stage): make_rng(seed, stage).random()
        for seed in (0, 1)
        for stage in ("split", "augment", "audit")
    }
    assert len(set(draws.values())) == len(draws)
    assert make_rng(1, "split").random() == draws[1, "split"]


@pytest.mark.parametrize("temperature", [0, -1, 1e-300, 1e-7, 1001, 10**30, float("inf")])
def test_a_temperature_that_no_float_divides_by_is_refused(temperature):
    with pytest.raises(ParameterError, match=r"sample\.temperature"):
        SampleParams(temperature=temperature)
    with pytest.raises(ParameterError, match="VOICE=TEMPERATURE"):
        read_temperatures([f"kick={temperature}"], 1.0)
