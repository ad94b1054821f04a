"""Key maps and voices settled by hand, and the command that lists and settles them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.command import trapgen
from tests.networks import FINE, make_network
from tests.strategies import midi_file, note_on, track
from trapgen.core import (
    CLOSED_HAT,
    KEY_MAPS,
    KICK,
    LOW_TOM,
    MANIFEST,
    OPEN_HAT,
    SNARE,
    VOICES,
    InputError,
    ParameterError,
    SampleParams,
    StandardizeParams,
    TableError,
    key_map,
    list_pairs,
    make_csv,
    read_rows,
    resolve_key_map,
)
from trapgen.generate.read_prompt import load_prompt
from trapgen.ingest import (
    find_midi,
    gather_packs,
    import_pack,
    read_loop,
    review_files,
    settle,
    standardize,
)
from trapgen.ingest.keymap.groove_statistics import sure_from
from trapgen.ingest.keymap.settled import find_settled, read_settled


def write_doubtful(folder):
    """A file on keys that no rhythm settles: two hits."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "x.mid"
    path.write_bytes(midi_file(track(note_on(0, 36, channel=0), note_on(480, 37, channel=0))))
    return path


def doubts_of(pack):
    return [found for found in review_files(pack, find_midi(pack)) if not found.is_sure]


def test_what_is_settled_is_read_so(tmp_path):
    pack = tmp_path / "pack"
    path = write_doubtful(pack / "deep")
    reading = StandardizeParams()
    name = {"name": "deep/x.mid"}
    (doubt,) = doubts_of(pack)
    assert (doubt.path, doubt.pitches) == ("deep/x.mid", {36: 1, 37: 1})
    before = read_loop(path, reading, **name)
    assert before.key_map_confidence == doubt.reading.confidence < sure_from()
    settle(pack, {"deep/x.mid": "akai_mpc"})
    assert doubts_of(pack) == []
    read = read_loop(path, reading, **name)
    assert (read.key_map, read.key_map_confidence) == ("akai_mpc", 1.0)
    assert read.loop.onsets[0, SNARE]
    assert read_loop(path, StandardizeParams(key_map="gm"), **name).key_map == "gm"
    settle(pack, {"deep/x.mid": "gm"})
    assert read_settled(pack) == {"deep/x.mid": "gm"}
    assert (pack / "keymaps.csv").read_bytes() == b"path,key_map\ndeep/x.mid,gm\n"


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
    assert doubts_of(tmp_path) == []
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
    assert [found.path for found in review_files(tmp_path, [kick, silent, broken])] == [kick.name]
    assert doubts_of(tmp_path) == []


def test_the_command_lists_and_settles(tmp_path):
    listed = json.loads(trapgen("keymap", "list", "--json").stdout)["key_maps"]
    assert [table["name"] for table in listed] == list(KEY_MAPS)
    assert listed[0]["pitches"]["kick"] == [35, 36]
    write_doubtful(tmp_path)
    (doubt,) = json.loads(trapgen("keymap", "review", tmp_path, "--json").stdout)["unsure"]
    assert (doubt["path"], doubt["pitches"]) == ("x.mid", {"36": 1, "37": 1})
    assert (doubt["role"], doubt["key_map"], doubt["dropped"]) == ("full", "gm", [])
    assert 0 < doubt["confidence"] == doubt["readings"][0]["confidence"] < sure_from()
    done = trapgen("keymap", "review", tmp_path, "--set", "x.mid=akai_mpc", "--json")
    found = {"unsure": [], "dropping": [], "settled": {"x.mid": "akai_mpc"}}
    assert json.loads(done.stdout) == found
    assert trapgen("keymap", "review", tmp_path, "--set", "x.mid").returncode == 2
    assert trapgen("keymap", "review", tmp_path / "none").returncode == 3


def test_a_table_above_the_folder_read_is_not_obeyed(tmp_path):
    path = write_doubtful(tmp_path / "music" / "pack" / "deep")
    settle(tmp_path / "music", {"pack/deep/x.mid": "snare"})
    (tmp_path / "keymaps.csv").write_text("junk")
    pack = tmp_path / "music" / "pack"
    assert find_settled(path, pack) is None
    assert [found.path for found in doubts_of(pack)] == ["deep/x.mid"]
    assert find_settled(path, tmp_path / "music").whole.name == "snare"
    settle(pack, {"deep/x.mid": "kick"})
    assert find_settled(path, tmp_path / "music").whole.name == "kick"
    # Alone, a file is obeyed to by the pack that it was imported with.
    assert find_settled(path) is None
    (pack / "pack.csv").write_text("")
    assert find_settled(path).whole.name == "kick"


def test_answers_reach_the_pipeline(tmp_path):
    packs, raw = tmp_path / "packs", tmp_path / "raw"
    write_doubtful(packs / "mine" / "deep")
    write_doubtful(packs / "mine").rename(packs / "loose.mid")
    write_doubtful(packs / "other")
    answers = {"mine/deep/x.mid": "kick", "loose.mid": "36=snare 37=clap", "other/x.mid": "gm"}
    settle(packs, answers)
    settle(packs / "other", {"x.mid": "open_hat"})
    gather_packs(packs, raw, starter=False)
    manifest, _ = standardize(raw, tmp_path / "out", StandardizeParams())
    found = {row.source_path: (row.role, row.key_map) for row in manifest.itertuples()}
    assert found == {
        "mine/deep/x.mid": ("kick", "settled"),
        "unsorted/loose.mid": ("full", "own"),
        "other/x.mid": ("hat", "settled"),
    }
    assert manifest["key_map_confidence"].tolist() == [1.0] * 3


def test_an_answer_is_for_the_file_that_is_there(tmp_path):
    write_doubtful(tmp_path).rename(tmp_path / "a=b#1.mid")
    write_doubtful(tmp_path)
    given = ("a=b#1.mid=36=kick", "a=b#1.mid#1=48=kick 60=snare", "x.mid#1=gm")
    done = trapgen("keymap", "review", tmp_path, *(each for g in given for each in ("--set", g)))
    assert done.returncode == 0
    assert read_settled(tmp_path) == {
        "a=b#1.mid": "36=kick",
        "a=b#1.mid#1": "48=kick 60=snare",
        "x.mid#1": "gm",
    }
    refused = trapgen("keymap", "review", tmp_path, "--set", "x.mid#2=gm")
    assert (refused.returncode, "It has 1 tracks" in refused.stderr) == (3, True)


def test_answers_are_imported_with_the_pack(tmp_path):
    source, pack = tmp_path / "mine", tmp_path / "pack"
    write_doubtful(source / "deep")
    write_doubtful(source)
    settle(source, {"x.mid": "kick", "deep/x.mid": "gm"})
    settle(source / "deep", {"x.mid#1": "snare"})
    import_pack(source, pack)
    assert read_settled(pack) == {"deep/x.mid": "gm", "deep/x.mid#1": "snare", "x.mid": "kick"}
    settle(pack, {"x.mid": "open_hat"})
    import_pack(source, pack)
    assert read_settled(pack)["x.mid"] == "open_hat"


@pytest.mark.parametrize("text", ["48=kick\n50=snare\n", "key,voice\n48,kick\n\n# clap\n50;clap\n"])
def test_a_key_map_of_ones_own_is_read_from_csv(tmp_path, text):
    (tmp_path / "own.csv").write_text(text, encoding="utf-8-sig")
    assert resolve_key_map(str(tmp_path / "own.csv")) == "48=kick 50=snare"
    write_doubtful(tmp_path)
    settle(tmp_path, {"x.mid": str(tmp_path / "own.csv")})
    assert read_settled(tmp_path) == {"x.mid": "48=kick 50=snare"}


@pytest.mark.parametrize("name", KEY_MAPS)
def test_every_key_map_is_written_as_csv_and_read_again(tmp_path, name):
    (tmp_path / "map.csv").write_text(make_csv(key_map(name)))
    own = key_map(resolve_key_map(str(tmp_path / "map.csv")))
    assert (own.name, own.voices) == ("own", dict(sorted(key_map(name).voices.items())))


@given(st.dictionaries(st.integers(0, 127), st.sampled_from([v.name for v in VOICES]), min_size=1))
def test_pairs_say_what_a_map_is(drums):
    text = " ".join(f"{key}={drum}" for key, drum in drums.items())
    table = key_map(text)
    assert {key: VOICES[column].name for key, column in table.voices.items()} == drums
    assert key_map(list_pairs(table)).voices == dict(sorted(table.voices.items()))
    StandardizeParams(key_map=text)


@pytest.mark.parametrize(
    "text", ["tr808", "", "128=kick", "36=kick 36=snare", "36=piano", "=kick", "36", "-1=kick"]
)
def test_what_is_no_key_map_is_refused(tmp_path, text):
    with pytest.raises(ParameterError, match="key_map must be"):
        key_map(text)
    with pytest.raises(ParameterError, match=r"standardize.key_map must be auto, one of gm"):
        StandardizeParams(key_map=text)
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(TableError, match=r"own\.csv: key_map"):
        resolve_key_map(str(tmp_path / "own.csv"))


@pytest.fixture
def moved_kit(tmp_path):
    """A folder with a kit an octave up, named like a part and settled as one, and its key map."""
    path = tmp_path / "kit" / "Perc 30.mid"
    path.parent.mkdir()
    hits = [note_on(0, 48, channel=0)] + [
        note_on(960, (50, 48)[n % 2], channel=0) for n in range(8)
    ]
    path.write_bytes(midi_file(track(*hits)))
    settle(path.parent, {path.name: "closed_hat"})
    own = tmp_path / "own.csv"
    assert trapgen("keymap", "export", "48=kick 50=snare", "--out", own).returncode == 0
    return path, own


def test_a_key_map_that_is_named_wins(tmp_path, moved_kit):
    path, own = moved_kit
    assert own.read_text() == "key,voice\n48,kick\n50,snare\n"
    trapgen("standardize", path.parent, "--out", tmp_path / "out", "--key-map", own)
    (row,) = read_rows(tmp_path / "out" / "manifest.parquet", MANIFEST)
    assert (row["role"], row["key_map"], row["key_map_confidence"]) == ("full", "own", 1.0)
    trapgen("encode", path.parent, "--out", tmp_path / "own.txt", "--key-map", own)
    trapgen("encode", path.parent, "--out", tmp_path / "settled.txt")
    kick_and_snare, hats = ((tmp_path / f"{n}.txt").read_text() for n in ("own", "settled"))
    assert {"0b100000000", "0b010000000"} <= set(kick_and_snare.split())
    assert "0b001000000" in hats.split()
    ids = [
        json.loads(trapgen("lineage", path, "--json", *options).stdout)["source"]
        for options in ((), ("--key-map", own))
    ]
    assert ids[0] != ids[1]


@pytest.mark.parametrize(
    "verb",
    [
        ("standardize", "kit", "--out", "out"),
        ("encode", "kit", "--out", "out.txt"),
        ("audit", "kit", "kit", "--out", "out"),
        ("score", "kit"),
        ("lineage", "x.mid"),
        ("generate", "--out", "out", "--vary", "x.mid"),
    ],
)
def test_every_verb_that_reads_midi_takes_a_key_map(verb):
    refused = trapgen(*verb, "--key-map", "none.csv")
    assert (refused.returncode, "none.csv: key_map (received" in refused.stderr) == (3, True)
    refused = trapgen(*verb, "--key-map", "48=piano")
    assert (refused.returncode, "48=piano" in refused.stderr) == (2, True)


def test_a_prompt_is_read_by_its_key_map_and_doubt_is_said(tmp_path, moved_kit):
    path, own = moved_kit
    (path.parent / "keymaps.csv").unlink()
    asked = {"lock": ("snare",), "lock_from": str(path), "bars": 2}
    own_map = SampleParams(**asked, key_map=resolve_key_map(str(own)))
    _, locked = load_prompt(make_network(FINE), [], own_map, 0)
    assert set(locked.locked_hits[:, 1]) == {SNARE}
    with pytest.raises(ParameterError, match=r"sample\.lock"):
        load_prompt(make_network(FINE), [], SampleParams(**asked), 0)
    plain = path.rename(tmp_path / "beat.mid")
    _, doubted = load_prompt(make_network(FINE), [], SampleParams(vary=str(plain)), 0)
    assert any("beat.mid: its drums are in doubt (read by" in note for note in doubted.notes)


@pytest.mark.slow
def test_prompts_and_scores_are_read_by_the_key_map_that_is_named(tmp_path, moved_kit):
    path, own = moved_kit
    asked = ("generate", "--out", tmp_path / "new", "--loops", "1", "--bars", "2")
    asked = (*asked, "--lock", "snare", "--from", path)
    locked = trapgen(*asked, "--key-map", own, "--json")
    (receipt,) = json.loads(locked.stdout)["loops"]
    assert receipt["key_map"] == "48=kick 50=snare"
    refused = trapgen(*asked)
    assert (refused.returncode, "sample.lock" in refused.stderr) == (2, True)
    read = [
        json.loads(trapgen("score", path.parent, "--json", *options).stdout)
        for options in ((), ("--key-map", own))
    ]
    assert read[0]["bits_per_step"] != read[1]["bits_per_step"]
    assert [row["loop"] for row in read[0]["loops"]] == [path.name]
