"""Key maps and roles told by rhythm: Groove on the keys of every map, trap parts without names."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import midi_file, note_on, track
from training.keymap.cases import move, read_split
from trapgen.core import CLOSED_HAT, KEY_MAPS, KICK, SNARE, StandardizeParams, key_map, role_of_name
from trapgen.ingest import find_midi, read_folder, read_loop, review_files, settle
from trapgen.ingest.keymap.assign import assign_voices
from trapgen.ingest.keymap.choose import choose_readings
from trapgen.ingest.keymap.detect import rank_key_maps
from trapgen.ingest.keymap.evidence import voice_evidence
from trapgen.ingest.keymap.groove_statistics import sure_from
from trapgen.ingest.keymap.rhythm_features import (
    FEATURES,
    count_bars,
    count_company,
    describe_groups,
)
from trapgen.ingest.keymap.role import detect_role, find_role
from trapgen.midi import Strikes, read_strikes

TD11 = key_map("roland_td11").voices
QUARTER = 480


def strikes_of(*hits, velocity=100, channel=0):
    """Strikes at `(quarter note, pitch)`."""
    rows = sorted((round(at * QUARTER), pitch) for at, pitch in hits)
    n = len(rows)
    return Strikes(
        ticks=np.array([tick for tick, _ in rows], np.int64),
        pitches=np.array([pitch for _, pitch in rows], np.uint8),
        velocities=np.full(n, velocity, np.uint8),
        channels=np.full(n, channel, np.uint8),
        tracks=np.zeros(n, np.int64),
        track_names=("",),
        ends=np.zeros(0, np.int64),
        ticks_per_quarter=QUARTER,
        tempos=(),
        meters=(),
        end_tick=rows[-1][0] if rows else 0,
        is_truncated=False,
    )


@pytest.mark.slow
def test_groove_on_every_key_map_is_read_right_or_doubted(shared):
    outcomes, in_use = ({True: Counter(), False: Counter()} for _ in range(2))
    for performance in read_split(shared / "data" / "groove", "test"):
        for table in KEY_MAPS.values():
            if (played := move(performance, table)) is None:
                continue
            moved, truth = played
            stem = hashlib.sha256(performance.name.encode()).hexdigest()
            best = rank_key_maps(moved, stem)[0]
            outcome = "unsure"
            if best.confidence >= sure_from():
                voices = best.key_maps[0].column_of[moved.pitches]
                outcome = "right" if (voices == truth).all() else "wrong"
            outcomes[count_bars(moved) >= 8][outcome] += 1
            # As files are read, where losses and signs of a melody lower the confidence, too.
            read = assign_voices(Path(f"/nowhere/{stem}.mid"), moved, StandardizeParams())
            is_right = (read.voices == truth).all()
            outcome = "right" if is_right else "wrong"
            outcome = outcome if read.confidence >= sure_from() else "unsure"
            in_use[count_bars(moved) >= 8][outcome] += 1
    for found in in_use.values():
        assert found["unsure"] / (found["unsure"] + found["wrong"]) >= 0.9
    assert in_use[True]["right"] / in_use[True].total() >= 0.95
    assert in_use[False]["right"] / in_use[False].total() >= 0.75
    long, short = outcomes[True], outcomes[False]
    assert min(long.total(), short.total()) > 500
    assert long["right"] / long.total() >= 0.95
    assert long["unsure"] / (long["unsure"] + long["wrong"]) >= 0.9
    assert short["right"] / short.total() >= 0.85
    assert short["unsure"] / (short["unsure"] + short["wrong"]) >= 0.9


def test_general_midi_needs_no_drum_channel(shared):
    sure = 0
    paths = find_midi(shared / "data" / "trap-loops" / "combined")[::20]
    for path in paths:
        best = rank_key_maps(read_strikes(path), "a91f")[0]
        assert best.key_maps[0].name == "gm"
        sure += best.confidence >= sure_from()
    assert len(paths) == 25
    assert sure >= 22


def test_trap_parts_without_their_names(shared, tmp_path):
    truth, named = {}, {}
    for path in find_midi(shared / "data" / "trap-loops" / "parts"):
        name = f"{hashlib.sha256(path.stem.encode()).hexdigest()}.mid"
        content = path.read_bytes()
        (tmp_path / name).write_bytes(content)
        truth[name] = role_of_name(path.stem).name
        named[name] = read_loop(tmp_path / name, StandardizeParams())
        # Without the names of its tracks: the same bytes as another kind of text.
        (tmp_path / name).write_bytes(content.replace(b"\xff\x03", b"\xff\x01"))
    assert len(truth) == 26
    by_track = {name: read for name, read in named.items() if read.key_map == "track"}
    assert len(by_track) == 25
    assert {truth[name] == read.loop.lineage.role for name, read in by_track.items()} == {True}
    reads = {read.source_path: read for read in read_folder(tmp_path, StandardizeParams())}
    heard = {name for name, read in reads.items() if read.key_map == "rhythm"}
    assert len(heard) >= 20
    assert {reads[name].loop.lineage.role == truth[name] for name in heard} == {True}
    reviewed = review_files(tmp_path, find_midi(tmp_path))
    unsure = {found.path for found in reviewed if not found.is_sure}
    assert unsure == {n for n, read in reads.items() if read.key_map_confidence < sure_from()}
    assert reads.keys() - heard <= unsure


def test_a_single_pitch_is_unsure_unless_its_rhythm_tells(tmp_path):
    offbeats = [note_on(240, 36, channel=0)] + [note_on(480, 36, channel=0) for _ in range(63)]
    open_part, backbeat = tmp_path / "a.mid", tmp_path / "b.mid"
    open_part.write_bytes(midi_file(track(*offbeats)))
    snares = [note_on(480, 60, channel=0)] + [note_on(960, 60, channel=0) for _ in range(15)]
    backbeat.write_bytes(midi_file(track(*snares)))
    read = read_loop(open_part, StandardizeParams())
    assert (read.key_map, read.loop.lineage.role) == ("gm", "full")
    assert read.key_map_confidence < sure_from()
    read = read_loop(backbeat, StandardizeParams())
    assert (read.key_map, read.loop.lineage.role) == ("rhythm", "snare")
    assert 0.5 <= read.key_map_confidence <= 1
    reviewed = {found.path: found for found in review_files(tmp_path, [open_part, backbeat])}
    assert not reviewed["a.mid"].is_sure
    assert reviewed["b.mid"].reading.confidence == read.key_map_confidence


def test_what_is_asked_for_or_settled_outweighs_the_rhythm(tmp_path):
    path = tmp_path / "b.mid"
    snares = [note_on(480, 36, channel=0)] + [note_on(960, 36, channel=0) for _ in range(15)]
    path.write_bytes(midi_file(track(*snares)))
    assert find_role(path, read_strikes(path))[1] == "rhythm"
    read = read_loop(path, StandardizeParams(key_map="gm"))
    assert (read.key_map, read.loop.lineage.role) == ("gm", "full")
    assert read.loop.onsets[:, KICK].any()
    settle(tmp_path, {"b.mid": "gm"})
    read = read_loop(path, StandardizeParams())
    assert (read.key_map, read.key_map_confidence) == ("gm", 1.0)


def test_pitches_of_one_hat_share_bars_and_no_steps():
    hits = [*((at, 36) for at in range(0, 32, 4)), *((at, 38) for at in range(2, 32, 4))]
    taking_turns = [(at / 2, (42, 46)[at % 4 == 3]) for at in range(64)]
    at_once = [(at / 2, pitch) for at in range(0, 64, 2) for pitch in (42, 46)]
    apart, together = (strikes_of(*hits, *hats) for hats in (taking_turns, at_once))
    (met, by_chance), (shared, shared_by_chance) = count_company(
        apart, np.searchsorted([36, 38, 42, 46], apart.pitches)
    )
    assert met[2, 3] == met[3, 2] == 0
    assert by_chance[2, 3] == pytest.approx(48 * 16 / (16 * 8))
    assert met[0, 2] == 8
    assert shared[2, 3] == shared_by_chance[2, 3] == 8
    confidences = []
    for strikes in (apart, together):
        readings = {
            table.name: reading for reading in rank_key_maps(strikes) for table in reading.key_maps
        }
        confidences.append(readings["gm"].confidence)
    assert confidences[0] > confidences[1]


def test_a_kit_is_not_detected_as_a_single_part(shared):
    found = Counter(
        detect_role(performance.strikes)[0]
        for performance in read_split(shared / "data" / "groove", "test")
    )
    assert found.keys() == {None}


def test_a_role_word_decides():
    role, known_by, confidence = find_role(Path("02_Trap_Hat.mid"), strikes_of((0, 60)))
    assert (role.voice, known_by, confidence) == (CLOSED_HAT, "name", 1.0)
    assert detect_role(strikes_of((0, 60))) == (None, 0.0)
    half_time = [(4 * bar + 2, 61) for bar in range(8)]
    assert detect_role(strikes_of(*half_time))[0].voice == SNARE


def test_a_product_in_the_name_raises_its_key_map():
    hits = [(0, 36), (1, 38), (2, 36), (3, 38)]
    plain, told = (rank_key_maps(strikes_of(*hits), stem)[0] for stem in ("x", "SD3 groove"))
    assert plain.key_maps[0].name == "gm"
    assert told.key_maps[0].name == "superior_drummer3"


@given(
    st.lists(
        st.tuples(st.integers(0, 64).map(lambda n: n / 4), st.integers(0, 127)),
        min_size=1,
        max_size=40,
    )
)
def test_probabilities_of_readings_sum_to_one(hits):
    strikes = strikes_of(*hits)
    readings = rank_key_maps(strikes)
    assert sum(reading.confidence for reading in readings) == pytest.approx(1)
    confidences = [reading.confidence for reading in readings]
    assert confidences == sorted(confidences, reverse=True)
    names = [table.name for reading in readings for table in reading.key_maps]
    assert sorted(names) == sorted(KEY_MAPS)
    later = replace(strikes, ticks=strikes.ticks * 2, ticks_per_quarter=2 * QUARTER)
    assert [r.confidence for r in rank_key_maps(later)] == confidences


def test_features_say_what_they_measure():
    strikes = strikes_of(*[(at, 36) for at in (0, 2, 4, 6)], *[(at, 42) for at in (0, 1, 2.5)])
    found, rows = describe_groups(strikes, strikes.pitches.astype(np.int64))
    kick, hat = (dict(zip(FEATURES, row, strict=True)) for row in rows)
    assert found.tolist() == [36, 42]
    assert kick["rate"] == pytest.approx(np.log(2))
    assert kick["share"] == pytest.approx(np.log(4 / 7))
    assert (kick["beat_1"], kick["beat_3"], kick["backbeat"]) == (0.5, 0.5, -1)
    assert (kick["spacing"], kick["evenness"]) == (pytest.approx(np.log(2)), 1)
    assert (kick["together"], hat["together"]) == (1 / 4, pytest.approx(1 / 3))
    assert (kick["bars"], hat["bars"]) == (1, 0.5)
    assert hat["offbeat_8ths"] == pytest.approx(1 / 3)
    assert kick["rarity"] == 0.5


def test_a_backbeat_makes_a_snare_likely():
    backbeat = strikes_of(
        *[(at, 38) for at in range(1, 32, 2)], *[(at / 2, 42) for at in range(64)]
    )
    evidence = voice_evidence(describe_groups(backbeat, backbeat.pitches.astype(np.int64))[1])
    assert evidence[0].argmax() == SNARE


def test_the_drum_channel_is_general_midi():
    hits = [(0, 36), (1, 38), (2, 42)]
    (reading,) = choose_readings(strikes_of(*hits, channel=9), "x")
    assert (reading.key_maps[0].name, reading.confidence) == ("gm", 1.0)
    foreign = [(at, pitch) for at, pitch in enumerate([36, 38, 60, 62, 65, 71, 77, 89])]
    readings = choose_readings(strikes_of(*foreign, channel=9), "x")
    assert readings[0].key_maps[0].name == "addictive_drums2"
