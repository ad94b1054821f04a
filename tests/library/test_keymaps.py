"""Key maps and voices settled by hand, and the command that lists and settles them."""

from __future__ import annotations

import json

import pytest

from tests.command import trapgen
from tests.strategies import midi_file, note_on, track
from trapgen.core import (
    CLOSED_HAT,
    KEY_MAPS,
    KICK,
    LOW_TOM,
    OPEN_HAT,
    SNARE,
    InputError,
    ParameterError,
    StandardizeParams,
    TableError,
)
from trapgen.ingest import find_doubts, read_loop, settle
from trapgen.ingest.keymap.choose import find_settled, read_settled
from trapgen.ingest.keymap.groove_statistics import sure_from


def write_doubtful(folder):
    """A file on keys that no rhythm settles: two hits."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "x.mid"
    path.write_bytes(midi_file(track(note_on(0, 36, channel=0), note_on(480, 37, channel=0))))
    return path


def test_what_is_settled_is_read_so(tmp_path):
    path = write_doubtful(tmp_path / "pack" / "deep")
    (doubt,) = find_doubts(tmp_path / "pack", [path])
    assert (doubt.path, doubt.pitches) == ("deep/x.mid", {36: 1, 37: 1})
    before = read_loop(path, StandardizeParams())
    assert before.key_map_confidence == doubt.readings[0].confidence < sure_from()
    settle(tmp_path / "pack", {"deep/x.mid": "akai_mpc"})
    assert list(find_doubts(tmp_path / "pack", [path])) == []
    read = read_loop(path, StandardizeParams())
    assert (read.key_map, read.key_map_confidence) == ("akai_mpc", 1.0)
    assert read.loop.onsets[0, SNARE]
    assert read_loop(path, StandardizeParams(key_map="gm")).key_map == "gm"
    settle(tmp_path / "pack", {"deep/x.mid": "gm"})
    assert read_settled(tmp_path / "pack") == {"deep/x.mid": "gm"}
    assert (tmp_path / "pack" / "keymaps.csv").read_bytes() == b"path,key_map\ndeep/x.mid,gm\n"


@pytest.mark.parametrize(
    ("answer", "role", "voice"),
    [
        ("kick", "kick", KICK),
        ("snare", "snare", SNARE),
        ("closed_hat", "hat", CLOSED_HAT),
        ("open_hat", "hat", OPEN_HAT),
        ("low_tom", "perc", LOW_TOM),
    ],
)
def test_a_single_part_is_settled_as_its_voice(tmp_path, answer, role, voice):
    path = write_doubtful(tmp_path)
    settle(tmp_path, {"x.mid": answer})
    assert list(find_doubts(tmp_path, [path])) == []
    read = read_loop(path, StandardizeParams())
    assert (read.key_map, read.key_map_confidence) == ("settled", 1.0)
    assert read.loop.lineage.role == role
    assert read.loop.onsets.any(axis=0).nonzero()[0].tolist() == [voice]
    assert read_loop(path, StandardizeParams(key_map="gm")).key_map == "gm"


def test_a_settled_voice_outweighs_the_name_and_the_drum_channel(tmp_path):
    path = tmp_path / "Kick_01.mid"
    path.write_bytes(midi_file(track(note_on(0, 36, channel=9), note_on(480, 38, channel=9))))
    assert read_loop(path, StandardizeParams()).loop.lineage.role == "kick"
    settle(tmp_path, {"Kick_01.mid": "snare"})
    read = read_loop(path, StandardizeParams())
    assert (read.key_map, read.loop.lineage.role) == ("settled", "snare")


def test_what_cannot_be_settled_is_refused(tmp_path):
    path = write_doubtful(tmp_path)
    with pytest.raises(ParameterError, match="received 'tr808'"):
        settle(tmp_path, {"x.mid": "tr808"})
    with pytest.raises(InputError, match=r"y\.mid: missing"):
        settle(tmp_path, {"y.mid": "gm"})
    with pytest.raises(InputError, match="no such folder"):
        settle(tmp_path / "none", {"x.mid": "gm"})
    assert find_settled(path) is None
    for text, rule in [("file,map\n", "columns"), ("path,key_map\nx.mid,no\n", "key_map")]:
        (tmp_path / "keymaps.csv").write_text(text)
        with pytest.raises(TableError) as caught:
            find_settled(path)
        assert caught.value.rule == rule


def test_named_silent_and_broken_files_are_in_no_doubt(tmp_path):
    kick = write_doubtful(tmp_path).rename(tmp_path / "Kick_01.mid")
    silent, broken = tmp_path / "a.mid", tmp_path / "b.mid"
    silent.write_bytes(midi_file(track()))
    broken.write_bytes(b"no MIDI")
    assert list(find_doubts(tmp_path, [kick, silent, broken])) == []


def test_the_command_lists_and_settles(tmp_path):
    listed = json.loads(trapgen("keymap", "list", "--json").stdout)["key_maps"]
    assert [table["name"] for table in listed] == list(KEY_MAPS)
    assert listed[0]["pitches"]["kick"] == [35, 36]
    write_doubtful(tmp_path)
    (doubt,) = json.loads(trapgen("keymap", "review", tmp_path, "--json").stdout)["unsure"]
    assert (doubt["path"], doubt["pitches"]) == ("x.mid", {"36": 1, "37": 1})
    assert 0 < doubt["readings"][0]["confidence"] < sure_from()
    done = trapgen("keymap", "review", tmp_path, "--set", "x.mid=akai_mpc", "--json")
    assert json.loads(done.stdout) == {"unsure": [], "settled": {"x.mid": "akai_mpc"}}
    assert trapgen("keymap", "review", tmp_path, "--set", "x.mid").returncode == 2
    assert trapgen("keymap", "review", tmp_path / "none").returncode == 3
