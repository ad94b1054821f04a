"""A file's tempo: what holds while it sounds, what its name says, and what nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.command import trapgen
from tests.patterns import BAR, HAT, QUARTER, hit, lay, meter, read, save, tempo, trap
from trapgen.core import MANIFEST, StandardizeParams, read_rows
from trapgen.ingest import load_standardized, read_folder, standardize
from trapgen.ingest.standardize.tempo import read_bpm

FIXTURE = [HealthCheck.function_scoped_fixture]

STRAIGHT, HALF_TIME = (1, 3), (2,)


def write(path: Path, events: list, snares: tuple[int, ...] = HALF_TIME, bars: int = 4) -> Path:
    return save(path, lay(events + meter(4, 4) + trap(bars, snares=snares), bars * BAR))


@pytest.mark.parametrize(
    ("name", "events", "origin"),
    [
        ("beat 1", tempo(72), "file"),
        ("beat_72", [], "name"),
        ("beat_72bpm", [], "name"),
        ("beat_72bpm default", tempo(120), "name"),
    ],
)
def test_a_slow_tempo_is_doubled_wherever_it_is_stated(tmp_path, name, events, origin):
    found = read(write(tmp_path / f"{name}.mid", events, STRAIGHT))
    assert (found.loop.bpm, found.loop.n_bars, found.stated_bpm) == (144, 8, 72)
    assert found.tempo_from == origin
    assert found.feel == "72 bpm with 100% of the snares on 2 and 4"
    default = "the file's 120 bpm is a program's default: the name's 72 counts"
    assert found.notes == ((default,) if tempo(120) == events else ())


@pytest.mark.parametrize(
    "name",
    [
        *("Dark_150", "150 Dark", "Dark 150bpm", "Dark [150 BPM]", "Dark_150_BPM_Cmin"),
        *("BPM150 Dark", "Dark - 150", "Dark @150", "Loop 12 BPM 150", "Dark_150_02"),
        *("bpm_150 take 80", "Dark 150.00 bpm", "Dark150BPM", "808 Mafia 150", "Dark F# 150"),
    ],
)
def test_a_name_states_the_tempo_as_packs_write_it(tmp_path, name):
    found = read(write(tmp_path / f"{name}.mid", []))
    assert (found.loop.bpm, found.tempo_from, found.notes) == (150, "name", ())
    written = read(write(tmp_path / f"{name} (120 written).mid", tempo(120)))
    assert (written.loop.bpm, written.tempo_from) == (150, "name")
    assert written.notes == ("the file's 120 bpm is a program's default: the name's 150 counts",)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "beat",
            "Dark take 72",
            "Take_72",
            "Dark #72",
            "Vol. 90",
            "Pattern 100",
            "808",
            "Dark_45",
        ),
        *("64 bars", "100 loops", "Dark_072", "2024 Dark", "v1.120", "Dark 90 140", "Track 61"),
        *("a1b2c140", "Dark_250", "Dark_45", "Dark 96ppq"),
    ],
)
def test_a_tempo_that_nothing_states_is_unknown(tmp_path, name):
    found = read(write(tmp_path / f"{name}.mid", [], STRAIGHT))
    assert (found.loop.bpm, found.tempo_from, found.stated_bpm) == (None, "unknown", None)
    # Nothing says that it is slow, so it is read as it is.
    assert (found.feel, found.loop.n_bars) == ("", 4)


def test_brackets_hold_a_tempo_if_nothing_else_does():
    assert read_bpm(Path("Dark (150).mid")) == (150, False)
    assert read_bpm(Path("Dark_90 (150).mid")) == (90, False)
    assert read_bpm(Path("Dark (150) [90].mid")) == (None, False)


def test_numbers_that_count_the_files_of_a_folder_are_no_tempos(tmp_path):
    for number in (98, 99, 100, 101, 140):
        write(tmp_path / f"Dark_{number}.mid", [])
    found = {loop.source_path: loop.loop.bpm for loop in read_folder(tmp_path, StandardizeParams())}
    assert found == {
        **dict.fromkeys(["Dark_100.mid", "Dark_101.mid", "Dark_98.mid", "Dark_99.mid"]),
        "Dark_140.mid": 140,
    }


def test_the_folder_states_the_tempo_if_it_says_so(tmp_path):
    assert read(write(tmp_path / "Trap 142 BPM" / "one.mid", [])).loop.bpm == 142
    assert read(write(tmp_path / "Trap 142" / "one.mid", [])).loop.bpm is None


def test_a_tempo_of_the_file_counts_and_a_name_that_disagrees_is_told(tmp_path):
    found = read(write(tmp_path / "Dark 150bpm.mid", tempo(146)))
    assert (found.loop.bpm, found.tempo_from) == (146, "file")
    assert found.notes == ("the name says 150 bpm: the file's 146 counts",)
    # Half or double is another notation, and a lone number may count something.
    for name in ("Dark 73bpm", "Dark 146bpm", "Dark_150"):
        assert read(write(tmp_path / f"{name}.mid", tempo(146))).notes == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param([], tempo(146) + meter(4, 4), id="on the second track"),
        pytest.param(tempo(120), tempo(146), id="after a default on the first"),
        pytest.param(tempo(160), tempo(146), id="after a faster one on the first"),
        pytest.param(tempo(120), tempo(146, 1), id="a tick later"),
        pytest.param([], tempo(146, 2 * BAR), id="at the end"),
        pytest.param(tempo(146), tempo(90, 2 * BAR), id="before another at the end"),
        pytest.param(tempo(90), tempo(146, QUARTER), id="for most of the loop"),
    ],
)
def test_the_tempo_is_the_one_that_holds_while_notes_sound(tmp_path, first, second):
    path = save(tmp_path / "loop.mid", lay(first), lay(second + trap(2), 2 * BAR))
    found = read(path)
    assert (found.loop.bpm, found.tempo_from) == (146, "file")


words = st.sampled_from(
    ["Dark", "Tom Ford", "808", "Cmin", "F#", "beat", "x", "Loop 12", "UK", "(wet)", "v2", "take 3"]
)
spellings = st.sampled_from(
    ["{}bpm", "{} bpm", "{}BPM", "{}_BPM", "[{} BPM]", "BPM {}", "bpm{}", "@{}", "@ {}", "({}bpm)"]
)
joints = st.sampled_from([" ", "_", " - ", "-"])


@settings(max_examples=30, suppress_health_check=FIXTURE)
@given(st.lists(words, max_size=3), st.integers(0, 3), st.integers(40, 250), spellings, joints)
def test_a_marked_tempo_is_found_among_any_words(tmp_path, titles, at, bpm, spelling, joint):
    parts = [*titles[:at], spelling.format(bpm), *titles[at:]]
    assert read_bpm(tmp_path / f"{joint.join(parts)}.mid") == (bpm, True)


@settings(max_examples=30, suppress_health_check=FIXTURE)
@given(st.lists(words, max_size=3), st.integers(0, 3), st.integers(60, 200), joints)
def test_a_lone_number_is_a_tempo_unless_it_is_counted(tmp_path, titles, at, bpm, joint):
    title = joint.join([*titles[:at], str(bpm), *titles[at:]])
    assert read_bpm(tmp_path / f"{title}.mid") == (bpm, False)
    counted = joint.join([*titles[:at], f"take{joint}{bpm}", *titles[at:]])
    assert read_bpm(tmp_path / f"{counted}.mid") == (None, False)


def test_an_unknown_tempo_stays_unknown_in_tables_and_midi(tmp_path):
    write(tmp_path / "raw" / "beat.mid", [])
    write(tmp_path / "raw" / "other.mid", tempo(150))
    standardize(tmp_path / "raw", tmp_path / "out", StandardizeParams())
    rows = read_rows(tmp_path / "out" / "manifest.parquet", MANIFEST)
    assert [(row["bpm"], row["tempo_from"]) for row in rows] == [(None, "unknown"), (150, "file")]
    assert [loop.bpm for loop in load_standardized(tmp_path / "out")] == [None, 150]
    again = read(tmp_path / "out" / "loops" / "beat.mid")
    assert (again.loop.bpm, again.tempo_from) == (None, "unknown")
    assert again.loop.play_bpm == 120


def test_one_hit_has_the_tempo_that_follows_it(tmp_path):
    path = save(tmp_path / "Hat.mid", lay(tempo(120) + tempo(146, 1) + hit(0, HAT), BAR))
    assert read(path).loop.bpm == 146


@pytest.mark.parametrize("verb", ["standardize", "encode"])
def test_what_was_done_to_files_is_said_once_for_all(tmp_path, verb):
    for number in (1, 2, 3):
        write(tmp_path / "in" / f"beat {number}.mid", tempo(70), STRAIGHT)
    write(tmp_path / "in" / "Dark_150.mid", tempo(120))
    done = trapgen(verb, tmp_path / "in", "--out", tmp_path / "out")
    told = "and 2 others: read as 140 bpm (70 bpm with 100% of the snares on 2 and 4)"
    assert done.stderr.count(told) == done.stderr.count("snares on 2 and 4") == 1
    assert "Dark_150" in done.stderr
    assert "the file's 120 bpm is a program's default: the name's 150 counts" in done.stderr
    kept = trapgen(verb, tmp_path / "in", "--out", tmp_path / "kept", "--feel", "keep")
    assert "snares on 2 and 4" not in kept.stderr


BY_HAND = {"hand-01_60": 60, "hand-02_60": 60, "hand-07_70": 70, "hand-08_65": 65}


def test_loops_made_by_hand_have_the_tempo_of_their_name(shared):
    found = list(read_folder(shared / "data" / "by-hand", StandardizeParams()))
    assert len(found) == 11
    for each in found:
        stated = BY_HAND.get(each.source_path.removesuffix(".mid"))
        assert each.stated_bpm == stated
        # All four are written with the snare on 2 and 4.
        assert each.loop.bpm == (None if stated is None else 2 * stated)
        assert each.loop.n_bars == (8 if stated is None else 16)
