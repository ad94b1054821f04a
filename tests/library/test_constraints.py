"""Controls: every one holds in every loop, and those that cannot hold together are refused."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.networks import FINE, NEVER_COPIES, make_network
from trapgen.core import (
    CLOSED_HAT,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    OPEN_HAT,
    RIDE,
    SNARE,
    ParameterError,
    SampleParams,
    to_onsets,
)
from trapgen.generate import sample_words
from trapgen.generate.constraints.combine import CombinedConstraints
from trapgen.generate.constraints.mask import ConstraintMask
from trapgen.generate.constraints.parse import RegionMinimum, require
from trapgen.generate.constraints.solver import solve_constraints
from trapgen.generate.decode import check_controls
from trapgen.generate.prompt import Prompt

TOMS = slice(LOW_TOM, HIGH_TOM + 1)
HATS = [CLOSED_HAT, OPEN_HAT]
STEPS = 32


def draw(params, seed=0, prompt=None, network=None):
    """`(n_loops, n_bars, 32, 9)` onsets."""
    decoded_loops = sample_words(network or make_network(FINE), params, seed, prompt or Prompt())
    onsets = np.stack([to_onsets(decoded.words) for decoded in decoded_loops])
    return onsets.reshape(len(decoded_loops), params.bars, STEPS, 9)


def random_words(n_bars, seed=0, share=0.2):
    rng = np.random.default_rng(seed)
    return (rng.random((n_bars * STEPS, 9)) < share) @ (2 ** np.arange(8, -1, -1))


# All of them together


@pytest.mark.slow
def test_every_control_holds_in_a_thousand_loops():
    locked = random_words(2)
    params = SampleParams(
        loops=1000,
        bars=2,
        lock=("kick", "crash"),
        lock_from="mine.mid",
        require=("snare@3", "open_hat@2:4.5"),
        forbid=("ride", "closed_hat@1"),
        density=("snare=2-5", "closed_hat=6-9", "open_hat=1-2", "low_tom=-1"),
        rolls=0.5,
        fills=2,
        choke=True,
        top_p=0.97,
    )
    onsets = draw(params, prompt=Prompt(locked=locked))
    lane = to_onsets(locked).reshape(2, STEPS, 9)
    for voice in (KICK, 8):
        assert (onsets[..., voice] == lane[..., voice]).all()
    assert onsets[:, :, 16, SNARE].all()
    assert onsets[:, 1, 28, OPEN_HAT].all()
    assert not onsets[..., RIDE].any()
    assert not onsets[:, :, 0, CLOSED_HAT].any()
    hits = onsets.sum(axis=2)
    for voice, (fewest, most) in {SNARE: (2, 5), CLOSED_HAT: (6, 9), OPEN_HAT: (1, 2)}.items():
        assert fewest <= hits[..., voice].min()
        assert hits[..., voice].max() <= most
    assert hits[..., LOW_TOM].max() <= 1
    has_roll = onsets[:, :, 1::2][..., HATS].any(axis=(2, 3))
    assert 0.4 < has_roll.mean() < 0.6
    assert not onsets[:, 0, :, TOMS].any()
    assert not onsets[:, 1, :16, TOMS].any()
    fill = onsets[:, 1, 16:]
    assert (fill[..., SNARE].sum(axis=1) + fill[..., TOMS].sum(axis=(1, 2))).min() >= 4
    assert not onsets[..., HATS].all(axis=-1).any()
    assert len({each.tobytes() for each in onsets}) == 1000


@st.composite
def controls(draw_from):
    """Controls that may or may not go together."""
    names = st.sampled_from(["kick", "snare", "closed_hat", "open_hat", "mid_tom"])
    beats = st.integers(0, 31).map(lambda step: 1 + step / 8)
    hits = st.builds("{}@{}".format, names, beats)
    in_bar = st.builds("{}@2:{}".format, names, beats)
    bounds = st.lists(st.integers(0, 12), min_size=2, max_size=2).map(sorted)
    ranges = st.builds(lambda name, bound: f"{name}={bound[0]}-{bound[1]}", names, bounds)
    texts = lambda kind: st.lists(kind, max_size=3).map(tuple)  # noqa: E731
    return SampleParams(
        loops=3,
        bars=2,
        require=draw_from(texts(hits | in_bar)),
        forbid=draw_from(texts(hits | in_bar | names)),
        density=draw_from(texts(ranges)),
        rolls=draw_from(st.sampled_from([None, 0, 0.5, 1])),
        fills=draw_from(st.sampled_from([0, 1, 2])),
        choke=draw_from(st.booleans()),
        top_p=draw_from(st.sampled_from([0.2, 1.0])),
        temperature=draw_from(st.sampled_from([1e-6, 1.0])),
    )


def holds(params, onsets):
    """Whether `(n_bars, 32, 9)` onsets keep to the controls, by their meaning alone."""
    plain = onsets.reshape(-1, 9)
    kept = [plain[require(text, params.bars, STEPS).must].all() for text in params.require]
    for text in params.forbid:
        text = text if "@" in text else [f"{text}@{1 + step / 8}" for step in range(STEPS)]
        each = [text] if isinstance(text, str) else text
        kept += [not plain[require(one, params.bars, STEPS).must].any() for one in each]
    for text in params.density:
        name, fewest, most = re.split("[=-]", text)
        voice = require(f"{name}@1", params.bars, STEPS).must[0].argmax()
        hits = onsets[..., voice].sum(axis=1)
        kept += [(hits >= int(fewest)).all(), (hits <= int(most)).all()]
    if params.rolls in (0, 1):
        kept.append((onsets[:, 1::2][..., HATS].any(axis=(1, 2)) == params.rolls).all())
    if params.fills:
        is_fill = np.arange(1, params.bars + 1) % params.fills == 0
        late = onsets[:, 16:]
        n_hits = late[..., SNARE].sum(axis=1) + late[..., TOMS].sum(axis=(1, 2))
        kept += [(n_hits[is_fill] >= 4).all(), not onsets[~is_fill][..., TOMS].any()]
        kept.append(not onsets[:, :16, TOMS].any())
    if params.choke:
        kept.append(not onsets[..., HATS].all(axis=-1).any())
    return all(kept)


@pytest.mark.slow
@given(controls(), st.integers(0, 5))
def test_constraints_that_are_accepted_hold(params, seed):
    try:
        check_controls(params, Prompt(), STEPS)
    except ParameterError:
        assume(False)
    for onsets in draw(params, seed):
        assert holds(params, onsets)


# The search for a way to keep them all


@st.composite
def small_rules(draw_from, voices):
    """A bar of four steps in which two voices play: few enough cells to try all there is."""
    rng = np.random.default_rng(draw_from(st.integers(0, 2**32)))
    may = np.zeros((4, 9), bool)
    may[:, voices] = rng.random((4, 2)) < 0.8
    must = may & (rng.random((4, 9)) < 0.1)
    least, most = np.zeros(9, int), np.full(9, 4)
    least[voices] = rng.integers(0, 4, 2)
    most[voices] = np.maximum(least[voices], rng.integers(0, 5, 2))
    region = np.zeros((4, 9), bool)
    region[:, voices] = np.array([0, 1, 0, 1] if voices == HATS else [0, 0, 1, 1], bool)[:, None]
    wanted = rng.integers(0, 2 if voices == HATS else 5)
    is_choked = bool(draw_from(st.booleans())) and voices == HATS
    if is_choked:
        must[must[:, HATS].all(axis=1), OPEN_HAT] = False
        may[:, HATS] &= ~must[:, HATS[::-1]]
    groups = (RegionMinimum(region, np.array([wanted])),)
    return CombinedConstraints(4, must, may, least, most, is_choked, groups)


def keeps(rules, onsets):
    hits = onsets.sum(axis=0)
    return (
        not (rules.must & ~onsets).any()
        and not (onsets & ~rules.may).any()
        and (rules.least <= hits).all()
        and (hits <= rules.most).all()
        and all(onsets[group.region].sum() >= group.least[0] for group in rules.groups)
        and not (rules.choke and onsets[:, HATS].all(axis=1).any())
    )


def every_way(voices):
    for cells in itertools.product([False, True], repeat=8):
        onsets = np.zeros((4, 9), bool)
        onsets[:, voices] = np.reshape(cells, (4, 2))
        yield onsets


ALL_WAYS = {tuple(voices): list(every_way(voices)) for voices in (HATS, [SNARE, LOW_TOM])}


@given(st.sampled_from([HATS, [SNARE, LOW_TOM]]).flatmap(small_rules), st.integers(0, 99))
def test_the_solver_finds_a_solution_where_there_is_one(rules, seed):
    voices = np.flatnonzero(rules.groups[0].region.any(axis=0)).tolist()
    possible = any(keeps(rules, onsets) for onsets in ALL_WAYS[tuple(voices)])
    solution = solve_constraints(rules, np.random.default_rng(seed))
    assert (solution is not None) == possible
    assert solution is None or keeps(rules, solution)


@given(st.sampled_from([HATS, [SNARE, LOW_TOM]]).flatmap(small_rules), st.integers(0, 99))
def test_there_is_always_a_word_and_the_rules_hold_at_the_end(rules, seed):
    rng = np.random.default_rng(seed)
    solution = solve_constraints(rules, rng)
    assume(solution is not None)
    mask, words = ConstraintMask([rules] * 8, [solution] * 8), []
    for step in range(4):
        allowed = mask.allow(step)
        assert allowed.any(axis=1).all()
        words.append(np.array([rng.choice(np.flatnonzero(row)) for row in allowed]))
        mask.advance(step, words[-1])
    for onsets in to_onsets(np.stack(words, axis=1)):
        assert keeps(rules, onsets)


def test_required_hits_are_spread_over_the_bar():
    # A network that plays nothing: all hits are those that the density insists on.
    silent = make_network(FINE, scale=0, words={0: 60}, copy=NEVER_COPIES)
    kicks = draw(SampleParams(200, 1, density=("kick=4-8",)), network=silent)[:, 0, :, KICK]
    assert (kicks.sum(axis=1) == 4).all()
    by_step = kicks.sum(axis=0)
    assert by_step[:16].sum() > 0.4 * by_step.sum()
    assert by_step[::8].sum() > by_step[1::2].sum()


# Contradictions


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"require": ("snare@3",), "forbid": ("snare",)}, ["require snare@3", "forbid snare"]),
        ({"require": ("kick@2:2",), "forbid": ("kick@2",)}, ["require kick@2:2", "forbid kick@2"]),
        ({"density": ("kick=4-5", "kick=2-3")}, ["density kick=4-5", "density kick=2-3"]),
        (
            {"require": ("kick@1", "kick@2"), "density": ("kick=1",)},
            ["require kick@1", "require kick@2", "density kick=1"],
        ),
        ({"forbid": ("ride",), "density": ("ride=1-",)}, ["forbid ride", "density ride=1-"]),
        (
            {"require": ("open_hat@1", "closed_hat@1"), "choke": True},
            ["choke", "require open_hat@1", "require closed_hat@1"],
        ),
        (
            {"density": ("closed_hat=20-", "open_hat=13-"), "choke": True},
            ["choke", "density closed_hat=20-", "density open_hat=13-"],
        ),
        (
            {"require": ("closed_hat@1.125",), "rolls": 0.5},
            ["rolls 0.5", "require closed_hat@1.125"],
        ),
        (
            {"forbid": ("closed_hat", "open_hat"), "rolls": 1.0},
            ["rolls 1", "forbid closed_hat", "forbid open_hat"],
        ),
        ({"require": ("low_tom@1",), "fills": 2}, ["fills 2", "require low_tom@1"]),
        (
            {"fills": 1, "density": ("snare=0-1", "low_tom=1", "mid_tom=1", "high_tom=0")},
            [
                "fills 1",
                "density snare=0-1",
                "density low_tom=1",
                "density mid_tom=1",
                "density high_tom=0",
            ],
        ),
        ({"fills": 3}, ["sample.fills", "at most sample.bars"]),
        ({"lock": ("kick",), "density": ("kick=32",)}, ["lock kick", "density kick=32"]),
        ({"lock": ("kick",), "forbid": ("kick",)}, ["lock kick", "forbid kick"]),
        ({"require": ("kick@1",), "structure": "learned"}, ["require kick@1", "sample.structure"]),
        ({"choke": True, "structure": "learned"}, ["choke", "sample.structure"]),
    ],
)
def test_contradictions_are_refused_before_sampling_and_named(changes, names):
    # No network at all: nothing is drawn before the controls are held against each other.
    source = {"lock_from": "mine.mid"} if "lock" in changes else {}
    params = SampleParams(bars=2, **changes, **source)
    with pytest.raises(ParameterError) as caught:
        check_controls(params, Prompt(locked=random_words(2)), STEPS)
    for name in names:
        assert name in str(caught.value)


def test_what_has_no_part_in_a_contradiction_is_not_named():
    params = SampleParams(
        bars=2,
        require=("snare@3", "kick@1"),
        density=("kick=1-4", "snare=0", "closed_hat=4-8"),
        rolls=0.3,
        choke=True,
    )
    with pytest.raises(ParameterError) as caught:
        check_controls(params, Prompt(), STEPS)
    assert str(caught.value) == (
        "require snare@3 must be compatible with density snare=0 (received '2 bars of 32 steps')"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"require": ("tuba@1",)}, "tuba"),
        ({"require": ("kick",)}, "VOICE@BEAT"),
        ({"require": ("kick@0.5",)}, "from 1 up to 5"),
        ({"require": ("kick@5",)}, "from 1 up to 5"),
        ({"require": ("kick@1.1",)}, "steps of 0.125"),
        ({"require": ("kick@3:1",)}, "bar from 1 to 2"),
        ({"forbid": ("hat",)}, "closed_hat"),
        ({"density": ("kick",)}, "FEWEST-MOST"),
        ({"density": ("kick=-",)}, "FEWEST-MOST"),
        ({"density": ("kick=5-2",)}, "FEWEST-MOST"),
        ({"density": ("kick=few",)}, "FEWEST-MOST"),
        ({"density": ("kick=40",)}, "hits per bar of 32 steps"),
        ({"lock": ("tuba",), "lock_from": "x"}, "tuba"),
    ],
)
def test_what_cannot_be_read_is_refused(changes, words):
    with pytest.raises(ParameterError, match=words):
        check_controls(SampleParams(bars=2, **changes), Prompt(locked=random_words(2)), STEPS)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("kick=2-5", 2, 5), ("kick=4", 4, 4), ("kick=2-", 2, 32), ("kick=-5", 0, 5), ("kick=0", 0, 0)],
)
def test_density_is_a_range(text, least, most):
    params = SampleParams(40, 2, density=(text,))
    hits = draw(params)[..., KICK].sum(axis=2)
    assert hits.min() >= least
    assert hits.max() <= most


def test_a_grid_of_16ths_has_no_rolls():
    with pytest.raises(ParameterError, match="0 at 16 steps per bar"):
        check_controls(SampleParams(bars=2, rolls=0.5), Prompt(), 16)
    check_controls(SampleParams(bars=2, rolls=0), Prompt(), 16)


@pytest.mark.parametrize("name", ["locked", "theme"])
def test_locked_and_theme_are_as_long_as_the_loops(name):
    with pytest.raises(ParameterError, match=f"{name} must be as long as the loops, 64 steps"):
        check_controls(SampleParams(bars=2), Prompt(**{name: random_words(3)}), STEPS)


# Variations


def test_strength_zero_returns_the_loop():
    theme = random_words(2)
    for onsets in draw(SampleParams(5, 2, vary="x", strength=0), prompt=Prompt(theme=theme)):
        assert (onsets.reshape(-1, 9) == to_onsets(theme)).all()


def test_strength_one_draws_freely():
    params = SampleParams(5, 2, vary="x", strength=1)
    varied = draw(params, prompt=Prompt(theme=random_words(2)))
    assert (varied == draw(replace(params, vary=""))).all()


def test_strength_is_the_share_that_is_written_anew():
    theme = random_words(2)
    varied = draw(SampleParams(300, 2, vary="x", strength=0.3), prompt=Prompt(theme=theme))
    # Of 512 words the network hardly ever draws the one that stood there.
    changed = (varied.reshape(300, -1, 9) != to_onsets(theme)).any(axis=-1)
    assert changed.mean() == pytest.approx(0.3, abs=0.03)
    assert len({each.tobytes() for each in varied}) == 300


def test_a_variation_keeps_what_the_controls_allow():
    theme = random_words(2)
    params = SampleParams(20, 2, vary="x", strength=0, forbid=("open_hat",))
    had_none = ~to_onsets(theme)[:, OPEN_HAT]
    for onsets in draw(params, prompt=Prompt(theme=theme)):
        plain = onsets.reshape(-1, 9)
        assert not plain[:, OPEN_HAT].any()
        assert (plain[had_none] == to_onsets(theme)[had_none]).all()
