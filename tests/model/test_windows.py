"""Training windows: every word is learned once, told what came before it, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trapgen.core import BAR, PAD, START, ParameterError, TrainParams, add_bars
from trapgen.model import ModelSpec, make_inputs
from trapgen.model.training import hold_out, make_windows
from trapgen.model.words.spec import N_LOOP_BARS

SPEC = ModelSpec(1, 4, 0.0, 2, 16, 2, 1, 2)


def make_words(*bars, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 512, 16 * n) for n in bars]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 5))
def test_windows_hold_every_word_once(bars, window_bars):
    loops = make_words(*bars)
    windows = make_windows(loops, SPEC, TrainParams(window_bars=window_bars))
    learned = windows.targets[windows.is_target > 0]
    np.testing.assert_array_equal(learned, np.concatenate([add_bars(x, 16) for x in loops]))
    words = windows.targets[windows.is_word > 0]
    np.testing.assert_array_equal(words, np.concatenate(loops))
    assert len(windows) == sum(-(-n // window_bars) for n in bars)
    assert windows.targets.shape[1] == 17 * min(window_bars, max(bars))
    assert windows.targets.min() >= 0
    assert windows.targets.max() <= BAR


@settings(max_examples=30)
@given(st.integers(1, 9), st.integers(1, 4))
def test_a_window_is_told_what_its_loop_is_told(n_bars, window_bars):
    (words,) = make_words(n_bars)
    windows = make_windows([words], SPEC, TrainParams(window_bars=window_bars))
    whole = make_inputs(add_bars(words, 16)[None], SPEC)
    for name, expected in vars(whole).items():
        found = getattr(windows.inputs, name)[windows.is_target > 0]
        np.testing.assert_array_equal(found, expected[0], err_msg=name)
    assert windows.inputs.previous[0, 0] == START


def test_steps_after_the_end_are_padding():
    windows = make_windows(make_words(4, 1), SPEC, TrainParams(window_bars=4))
    assert windows.is_target.sum(axis=1).tolist() == [68, 17]
    behind = windows.is_target == 0
    assert set(windows.inputs.previous[behind]) == {PAD}
    assert set(windows.inputs.lookback[behind].ravel()) == {PAD}
    assert not windows.targets[behind].any()


def test_positions_continue_over_windows():
    windows = make_windows(make_words(6), SPEC, TrainParams(window_bars=3))
    assert windows.inputs.bar[:, ::17].tolist() == [[0, 1, 2], [3, 0, 1]]
    assert N_LOOP_BARS == 4


def test_selected_windows_keep_their_rows():
    windows = make_windows(make_words(8), SPEC, TrainParams(window_bars=1))
    some = windows.take(np.array([5, 0]))
    assert len(some) == 2
    np.testing.assert_array_equal(some.targets, windows.targets[[5, 0]])
    np.testing.assert_array_equal(some.inputs.lookback, windows.inputs.lookback[[5, 0]])


def number_bars(*n_bars):
    """Loops whose every word is the number of its bar."""
    numbers = np.repeat(np.arange(sum(n_bars)), 16)
    return np.split(numbers, 16 * np.cumsum(n_bars)[:-1])


def seen(windows):
    """The words asked for."""
    return windows.targets[windows.is_word > 0]


def test_windows_know_their_bars_and_loops():
    windows = make_windows(number_bars(4, 1, 6), SPEC, TrainParams(window_bars=3))
    is_word = windows.is_word > 0
    np.testing.assert_array_equal(windows.bar[is_word], windows.targets[is_word])
    loop_of_bar = np.repeat([0, 1, 2], [4, 1, 6])
    expected = np.broadcast_to(windows.loop[:, None], windows.bar.shape)
    is_target = windows.is_target > 0
    np.testing.assert_array_equal(loop_of_bar[windows.bar[is_target]], expected[is_target])


@settings(max_examples=30)
@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=9),
    st.integers(1, 5),
    st.floats(0.01, 0.5),
    st.integers(0, 99),
)
def test_a_held_out_bar_is_judged_and_never_learned(bars, window_bars, share, seed):
    windows = make_windows(number_bars(*bars), SPEC, TrainParams(window_bars=window_bars))
    learned, control = hold_out(windows, share, np.random.default_rng(seed))
    held_out, rest = np.unique(seen(control)), np.unique(seen(learned))
    assert len(held_out) == max(1, round(share * sum(bars)))
    np.testing.assert_array_equal(np.union1d(held_out, rest), np.arange(sum(bars)))
    # Whole bars: each is asked for with all its words, on one side alone.
    assert not np.intersect1d(held_out, rest).size
    assert len(seen(control)) == 16 * len(held_out)
    assert control.is_target.sum() + learned.is_target.sum() == windows.is_target.sum()
    assert control.is_target.sum() == 17 * len(held_out)
    for part in (learned, control):
        assert part.is_target.any(axis=1).all()


def test_the_control_is_told_what_its_window_is_told():
    windows = make_windows(number_bars(4, 4), SPEC, TrainParams(window_bars=4))
    learned, control = hold_out(windows, 0.2, np.random.default_rng(0))
    assert len(learned) == len(windows) == 2
    for part in (learned, control):
        for name, told in vars(part.inputs).items():
            np.testing.assert_array_equal(told, getattr(windows.inputs, name)[part.loop])


def test_the_seed_draws_the_control():
    windows = make_windows(number_bars(40), SPEC, TrainParams())
    draws = [
        tuple(np.unique(seen(hold_out(windows, 0.1, np.random.default_rng(seed))[1])))
        for seed in (0, 0, 1)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_a_control_that_leaves_nothing_is_refused():
    windows = make_windows(number_bars(1), SPEC, TrainParams())
    with pytest.raises(ParameterError, match=r"control_share must be below all of 1 bars"):
        hold_out(windows, 0.05, np.random.default_rng(0))


def test_nothing_to_learn_is_refused():
    with pytest.raises(ParameterError, match="at least one"):
        make_windows([], SPEC, TrainParams())


def test_windows_know_what_holds_for_their_loops():
    spec = replace(SPEC, conditions=("kind:beat", "kind:fill"))
    told = np.array([[0, 0, 0, 1], [0, 0, 0, 2], [0, 0, 0, 0]])
    loops = make_words(4, 1, 3)
    windows = make_windows(loops, spec, TrainParams(window_bars=2), told)
    for row, loop in enumerate(windows.loop):
        is_target = windows.is_target[row] > 0
        assert (windows.inputs.condition[row][is_target] == told[loop]).all()
    # A window that starts in the middle knows how its bars agreed with those before it.
    whole = make_inputs(add_bars(loops[0], 16)[None], spec)
    for name in ("lookback", "lag_similarity"):
        found, expected = (vars(inputs)[name] for inputs in (windows.inputs, whole))
        np.testing.assert_array_equal(found[1], expected[0, 34:])


def test_trimmed_windows_end_with_their_last_target():
    windows = make_windows(make_words(4, 1, 1), SPEC, TrainParams(window_bars=4))
    short = windows.take(np.array([1, 2])).trim()
    assert short.targets.shape == (2, 17)
    assert short.inputs.lookback.shape == (2, 17, SPEC.n_lags)
    np.testing.assert_array_equal(short.targets, windows.targets[1:, :17])
    assert windows.trim().targets.shape == windows.targets.shape == (3, 68)
