"""Text and tokens: what is encoded is decoded, the original's and the paper's text too."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.strategies import (
    drum_loops,
    grids,
    make_loop,
    midi_file,
    note_off,
    note_on,
    track,
    variable_length,
)
from trapgen.core import (
    BAR,
    CRASH,
    KEY_MAPS,
    KICK,
    N_TARGETS,
    N_WORDS,
    OPEN_HAT,
    PAD,
    SNARE,
    START,
    Codec,
    ModelError,
    StandardizeParams,
    TextError,
    add_bars,
    read_lines,
    to_loop,
    to_onsets,
    to_text,
    to_words,
    write_lines,
)
from trapgen.core.codec import DECODED_VELOCITY
from trapgen.ingest import read_loop
from trapgen.midi.write import TICKS_PER_QUARTER

with_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_words_as_the_paper_writes_them():
    loop = make_loop((0, KICK), (0, CRASH), (1, SNARE), (1, OPEN_HAT))
    words = ["0b100000001", "0b010100000", *["0b000000000"] * 14, "BAR"]
    assert to_text(to_words(loop), 16).split() == words
    assert to_words(loop)[:2].tolist() == [257, 160]


def test_the_vocabulary_is_closed():
    assert (N_WORDS, BAR, START, PAD, N_TARGETS) == (512, 512, 513, 514, 513)


@given(drum_loops())
def test_words_hold_all_onsets(loop):
    words = to_words(loop)
    assert words.dtype == np.int64
    assert words.shape == (loop.n_steps,)
    np.testing.assert_array_equal(to_onsets(words), loop.onsets)
    again = to_loop(words, loop.steps_per_bar, loop.bpm)
    np.testing.assert_array_equal(again.onsets, loop.onsets)
    assert set(np.unique(again.velocities)) <= {0, DECODED_VELOCITY}
    assert (again.steps_per_bar, again.bpm) == (loop.steps_per_bar, loop.bpm)


def test_every_word_is_its_onsets():
    words = np.arange(N_WORDS)
    onsets = to_onsets(words)
    assert onsets.shape == (512, 9)
    assert len(np.unique(onsets, axis=0)) == 512
    digits = ["".join("01"[int(bit)] for bit in row) for row in onsets]
    assert [int(word, 2) for word in digits] == words.tolist()


@given(drum_loops())
def test_a_bar_ends_with_bar(loop):
    tokens = add_bars(to_words(loop), loop.steps_per_bar)
    bars = tokens.reshape(loop.n_bars, Codec(loop.steps_per_bar).bar_length)
    assert (bars[:, -1] == BAR).all()
    np.testing.assert_array_equal(bars[:, :-1].ravel(), to_words(loop))


@with_folder
@given(grids.flatmap(lambda grid: st.lists(drum_loops(steps_per_bar=grid), min_size=1, max_size=4)))
def test_text_is_decoded_to_the_same_words(tmp_path, loops):
    write_lines(tmp_path / "loops.txt", loops)
    lines = read_lines(tmp_path / "loops.txt", loops[0].steps_per_bar)
    assert [line.tolist() for line in lines] == [to_words(loop).tolist() for loop in loops]
    text = (tmp_path / "loops.txt").read_text()
    assert text == "".join(to_text(line, loops[0].steps_per_bar) + "\n" for line in lines)


@pytest.mark.parametrize(
    "line",
    [
        "BAR {0} BAR {1}",
        "{0} BAR {1} BAR",
        "{0} BAR {1}",
        "BAR {0} BAR {1} BAR\n\n",
        "\n {0} BAR\t{1}",
    ],
)
def test_bar_may_stand_first_or_last(tmp_path, line):
    bars = ["0b100000000 " * 16, "0b000000001 " * 16]
    (tmp_path / "text.txt").write_text(line.format(*bars))
    (words,) = read_lines(tmp_path / "text.txt", 16)
    assert words.tolist() == [256] * 16 + [1] * 16


@pytest.mark.parametrize(
    ("text", "rule", "received"),
    [
        ("", "empty", "0 characters"),
        (" \n\n", "empty", "3 characters"),
        ("BAR", "empty", "line 1"),
        ("0b000000000 " * 15 + "BAR", "bar_length", "15 steps in bar 1 of line 1"),
        ("0b000000000 " * 16 + "BAR BAR BAR", "bar_length", "0 steps in bar 2 of line 1"),
        ("0b000000000 " * 17, "bar_length", "17 steps in bar 1 of line 1"),
        ("0b0000000000", "word", "'0b0000000000' in line 1"),
        ("0b00000002", "word", "'0b00000002' in line 1"),
        ("\nbar", "word", "'bar' in line 2"),
        ("0B000000000", "word", "'0B000000000' in line 1"),
        ("0b٠٠٠٠٠٠٠٠٠", "word", "'0b٠٠٠٠٠٠٠٠٠' in line 1"),  # noqa: RUF001 - digits, but not ours
    ],
)
def test_text_that_breaks_the_format_is_refused(tmp_path, text, rule, received):
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    with pytest.raises(TextError, match=r"text\.txt") as caught:
        read_lines(tmp_path / "text.txt", 16)
    assert (caught.value.rule, caught.value.received) == (rule, received)


def test_text_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"\xff")
    for path in (tmp_path / "latin.txt", tmp_path / "nowhere.txt", tmp_path):
        with pytest.raises(TextError, match="unreadable"):
            read_lines(path, 16)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("0b1BAR \n"), max_size=60) | st.text())
def test_any_text_is_read_or_refused(tmp_path, text):
    (tmp_path / "text.txt").write_text(text, encoding="utf-8", newline="")
    try:
        lines = read_lines(tmp_path / "text.txt", 16)
    except TextError:
        return
    assert all(len(line) % 16 == 0 and len(line) for line in lines)


@pytest.mark.parametrize("steps_per_bar", [16, 24, 32, 48, 96])
def test_a_saved_codec_is_loaded_unchanged(tmp_path, steps_per_bar):
    codec = Codec(steps_per_bar)
    codec.save(tmp_path / "codec.json")
    assert Codec.load(tmp_path / "codec.json") == codec
    assert codec.bar_length == steps_per_bar + 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"pitches": [35]}, "pitches"),
        ({"voices": []}, "voices"),
        ({"tokens": {"BAR": 0}}, "tokens"),
        ({"steps_per_bar": 20}, "steps_per_bar"),
        ({"steps_per_bar": None}, "steps_per_bar"),
    ],
)
def test_another_vocabulary_is_refused(tmp_path, change, named):
    path = tmp_path / "codec.json"
    Codec(16).save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelError, match=rf"codec\.json: {named}"):
        Codec.load(path)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", "3"])
def test_what_is_no_codec_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "codec.json").write_text(content)
    with pytest.raises(ModelError, match=r"codec\.json"):
        Codec.load(tmp_path / "codec.json")


@st.composite
def loops_on_keys(draw, key_map):
    """A loop of the voices that a key map has, and its hits as `(tick, key, velocity)`.

    Each hit takes any of its voice's keys. Its first and last bars begin with a hit: bars of
    silence around a loop are not part of it.
    """
    keys = {}
    for key, voice in key_map.voices.items():
        keys.setdefault(voice, []).append(key)
    loop = draw(drum_loops(voices=sorted(keys)))
    velocities, offsets = loop.velocities.copy(), loop.offsets.copy()
    for bar in (0, loop.n_bars - 1):
        step = bar * loop.steps_per_bar
        velocities[step], offsets[step] = 0, 0
        velocities[step, draw(st.sampled_from(sorted(keys)))] = 100
    loop = replace(loop, velocities=velocities, offsets=offsets)
    ticks_per_step = 4 * TICKS_PER_QUARTER // loop.steps_per_bar
    hits = [
        (
            round((step + float(loop.offsets[step, voice])) * ticks_per_step),
            draw(st.sampled_from(keys[voice])),
            int(loop.velocities[step, voice]),
        )
        for step, voice in np.argwhere(loop.onsets).tolist()
    ]
    return loop, sorted(hits)


@pytest.mark.parametrize("name", KEY_MAPS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_was_written_on_the_keys_of_a_map_is_encoded_alike(tmp_path, name, data):
    loop, hits = data.draw(loops_on_keys(KEY_MAPS[name]))
    events, now = [], 0
    for tick, key, velocity in hits:
        events += [note_on(tick - now, key, velocity), note_off(0, key)]
        now = tick
    end_tick = loop.n_bars * 4 * TICKS_PER_QUARTER
    end = variable_length(end_tick - now) + b"\xff\x2f\x00"
    path = tmp_path / "loop.mid"
    path.write_bytes(midi_file(track(*events, end=end), division=TICKS_PER_QUARTER))
    params = StandardizeParams(loop.steps_per_bar, name, by_name=False)
    read = read_loop(path, params)
    assert (read.key_map, read.collapsed_onsets, read.dropped_onsets) == (name, 0, 0)
    text = to_text(to_words(loop), loop.steps_per_bar)
    assert to_text(to_words(read.loop), loop.steps_per_bar) == text


def test_the_original_projects_text_is_read(shared):
    (words,) = read_lines(shared / "data" / "trap-loops" / "combined_16.txt", 16)
    assert len(words) == 20_000 * 16
    assert len(np.unique(words)) == 8  # and BAR
