"""Tempo of generated loops: a given file's, and what a producer means by 70 bpm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.library.test_receipt import make_folder
from tests.patterns import BAR, HAT, hit, lay, read, save, tempo, trap
from trapgen.core import ParameterError, SampleParams, to_words
from trapgen.generate import draw_loops, generate, load_generator, regenerate, to_midi
from trapgen.generate.constraints.parse import require
from trapgen.generate.generator import generate_in_memory
from trapgen.generate.half_time import double_time
from trapgen.generate.read_prompt import list_files
from trapgen.midi import parse_strikes, read_strikes


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    return load_generator(make_folder(tmp_path_factory.mktemp("model")))


@pytest.fixture
def mine70(tmp_path):
    events = tempo(70) + trap(2, snares=(1, 3))
    return str(save(tmp_path / "mine70.mid", lay(events, 2 * BAR)))


@pytest.fixture
def mine150(tmp_path):
    return str(save(tmp_path / "mine150.mid", lay(tempo(150) + trap(4), 4 * BAR)))


def generate_one(generator, **controls):
    """The strikes of a generated loop's MIDI file, and its receipt."""
    params = SampleParams(1, **controls)
    files = {name: Path(name).read_bytes() for name in list_files(params)}
    ((loop, receipt),) = generate_in_memory(generator, params, 0, files)
    return parse_strikes(to_midi(loop, receipt)), receipt


def bars_of(strikes):
    return strikes.end_tick / strikes.ticks_per_quarter / 4


def beats_of(strikes, key):
    """Beats of a bar, from 1, on which a key sounds."""
    beats = strikes.ticks[strikes.pitches == key] / strikes.ticks_per_quarter % 4 + 1
    return set(beats.round(3).tolist())


def test_at_70_bpm_the_snare_is_on_2_and_4(generator, tmp_path):
    controls = {"require": ("snare@2", "snare@4"), "forbid": ("snare@1", "kick@2:1")}
    density = {"density": ("snare=2-2", "crash=0")}
    strikes, receipt = generate_one(generator, bpm=70, bars=3, **controls, **density)
    assert strikes.tempos == ((0, 70.0),)
    assert bars_of(strikes) == 3
    assert beats_of(strikes, 38) == {2, 4}
    kicks = strikes.ticks[strikes.pitches == 36] / strikes.ticks_per_quarter
    assert 4 not in kicks.round(3)
    assert 49 not in strikes.pitches
    assert (receipt["bpm"], receipt["bars"], receipt["feel"]) == (70, 3, "half_time")
    assert receipt["prompt"]["notes"] == ["written at 70 bpm in half time: snares on 2 and 4"]


def test_files_at_70_bpm_are_what_was_drawn_at_140_and_are_made_again(generator, tmp_path):
    backbeat = {"require": ("snare@2", "snare@4"), "density": ("snare=2",)}
    params = SampleParams(1, bpm=70, bars=1, **backbeat)
    (receipt,) = generate(generator, params, 0, tmp_path / "new")
    path = tmp_path / "new" / f"{receipt['loop']}.mid"
    found = read(path)
    (drawn,) = draw_loops(generator, params, 0)[0]
    assert (found.loop.bpm, found.loop.n_bars) == (drawn.bpm, drawn.n_bars) == (140, 2)
    assert np.array_equal(to_words(found.loop), to_words(drawn))
    again = regenerate(generator, path.with_suffix(".json"), tmp_path / "again")
    assert again == receipt
    assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_feel_keep_writes_70_bpm_as_the_model_counts(generator, tmp_path):
    controls = {"feel": "keep", "require": ("snare@3",), "density": ("snare=1",)}
    strikes, receipt = generate_one(generator, bpm=70, bars=2, **controls)
    assert (strikes.tempos, bars_of(strikes)) == (((0, 70.0),), 2)
    assert beats_of(strikes, 38) == {3}
    assert "notes" not in receipt["prompt"]


@pytest.mark.parametrize("bpm", [100, 140, 180])
def test_from_100_bpm_on_the_snare_is_where_the_model_has_it(generator, tmp_path, bpm):
    controls = {"require": ("snare@3",), "density": ("snare=1",)}
    strikes, _ = generate_one(generator, bpm=bpm, bars=2, **controls)
    assert (strikes.tempos[0][1], bars_of(strikes)) == (bpm, 2)
    assert beats_of(strikes, 38) == {3}


def test_a_varied_file_keeps_its_tempo_and_feel(generator, tmp_path, mine70, mine150):
    strikes, receipt = generate_one(generator, vary=mine70, strength=0, bars=2)
    mine = read_strikes(mine70)
    assert (strikes.tempos, bars_of(strikes)) == (((0, 70.0),), 2)
    quarters = mine.ticks / mine.ticks_per_quarter
    assert np.array_equal(strikes.ticks / strikes.ticks_per_quarter, quarters)
    assert receipt["prompt"]["notes"] == [
        "written at 70 bpm in half time: snares on 2 and 4",
        f"{mine70}: read as 140 bpm (70 bpm with 100% of the snares on 2 and 4)",
    ]
    strikes, receipt = generate_one(generator, vary=mine150, strength=0, bars=4)
    assert (strikes.tempos[0][1], bars_of(strikes)) == (150, 4)
    assert beats_of(strikes, 38) == {3}
    assert "notes" not in receipt["prompt"]


def test_another_tempo_converts_a_file_and_says_so(generator, tmp_path, mine70, mine150):
    controls = {"lock": ("snare",), "density": ("snare=1",)}
    fast, receipt = generate_one(generator, lock_from=mine70, bpm=150, bars=4, **controls)
    assert (fast.tempos[0][1], beats_of(fast, 38)) == (150, {3})
    assert f"{mine70}: its 140 bpm become 150" in receipt["prompt"]["notes"]
    slow, receipt = generate_one(generator, lock_from=mine150, bpm=75, bars=2, lock=("snare",))
    assert (slow.tempos[0][1], beats_of(slow, 38)) == (75, {2, 4})
    assert receipt["prompt"]["notes"] == [
        f"{mine150}: its 150 bpm become 75",
        "written at 75 bpm in half time: snares on 2 and 4",
    ]


def test_a_file_that_is_slow_in_itself_stays_slow(generator, tmp_path):
    path = str(save(tmp_path / "slow.mid", lay(tempo(70) + trap(2), 2 * BAR)))
    strikes, receipt = generate_one(generator, vary=path, strength=0, bars=2)
    assert (strikes.tempos[0][1], bars_of(strikes)) == (70, 2)
    assert beats_of(strikes, 38) == {3}
    assert receipt["feel"] == "keep"


def test_a_file_without_a_tempo_leaves_the_usual_one(generator, tmp_path):
    path = str(save(tmp_path / "mine.mid", lay(trap(2), 2 * BAR)))
    strikes, receipt = generate_one(generator, primer=path, primer_bars=2, bars=1)
    assert strikes.tempos[0][1] == 140
    told = f"{path}: its tempo is unknown; 140 bpm is written"
    assert receipt["prompt"]["notes"] == [told]


def test_locked_voices_keep_their_rests_and_repetitions_are_told(generator, tmp_path):
    kick = [event for tick in (0, 720, 1200) for event in hit(tick)]
    four = str(save(tmp_path / "Kick_bar_1_of_4.mid", lay(tempo(140) + kick, 4 * BAR)))
    three = str(save(tmp_path / "Kick_3.mid", lay(tempo(140) + kick, 3 * BAR)))
    strikes, receipt = generate_one(generator, lock=("kick",), lock_from=four)
    assert np.count_nonzero(strikes.pitches == 36) == 3
    assert "notes" not in receipt["prompt"]
    strikes, receipt = generate_one(generator, lock=("kick",), lock_from=three)
    assert np.count_nonzero(strikes.pitches == 36) == 6
    told = f"{three}: its 3 bars fill 4: at the end its first 1 again"
    assert receipt["prompt"]["notes"] == [told]


def test_a_primer_that_is_busy_to_its_end_is_read_from_its_first_note(generator, tmp_path):
    events = tempo(152) + trap(4, channel=0)
    events += [event for step in range(64) for event in hit(step * 120, HAT, channel=0)]
    path = str(save(tmp_path / "primer.mid", lay(events, 4 * BAR)))
    primed = {"primer": path, "bars": 1, "match_primer": False}
    strikes, receipt = generate_one(generator, primer_bars=4, **primed)
    assert strikes.tempos == ((0, 152.0),)
    words = receipt["prompt"]["primer"].split()
    assert (words[0], words[-3:]) == ("0b101000000", ["0b001000000", "0b000000000", "BAR"])
    # The eighths of the pattern are under the sixteenths.
    told = f"{path}: 32 hits meet louder ones at 32 steps per bar"
    assert receipt["prompt"]["notes"] == [told]
    _, receipt = generate_one(generator, primer_bars=2, **primed)
    assert f"{path}: only the first 2 of 4 bars are used" in receipt["prompt"]["notes"]


@pytest.mark.parametrize(
    ("controls", "name"),
    [
        ({"fills": 33}, "sample.fills"),
        ({"primer_bars": 40}, "sample.primer_bars"),
        ({"density": ("kick=3",)}, "sample.density"),
        ({"density": ("kick=5-5",)}, "sample.density"),
    ],
)
def test_what_two_bars_cannot_share_is_refused(generator, controls, name):
    params = replace(SampleParams(1, bpm=70), **controls)
    with pytest.raises(ParameterError, match=name):
        draw_loops(generator, params, 0)


@pytest.mark.parametrize(
    ("stated", "drawn"), [("kick=4", "kick=2-2"), ("kick=3-6", "kick=2-3"), ("kick=2-", "kick=1-"),
                          ("kick=-5", "kick=-2"), ("kick=x", "kick=x")],
)  # fmt: skip
def test_a_density_is_shared_by_two_bars(stated, drawn):
    assert double_time(SampleParams(bpm=70, density=(stated,))).density == (drawn,)


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(0, 31), st.booleans())
def test_places_are_those_of_the_written_bar(bars, step, is_everywhere):
    """A 32nd of the written bar is a 16th of the two that are drawn for it."""
    beat = step / 8 + 1
    text = f"snare@{beat:g}" if is_everywhere else f"snare@{bars}:{beat:g}"
    drawn = double_time(SampleParams(bpm=70, bars=bars, require=(text,)))
    cells = np.any([require(each, 2 * bars, 32).must for each in drawn.require], axis=0)
    own = range(bars) if is_everywhere else [bars - 1]
    assert np.flatnonzero(cells.any(axis=1)).tolist() == [64 * bar + 2 * step for bar in own]
