"""Receipts: what they say of a loop, and the same bytes made from them alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from tests.command import trapgen
from tests.networks import FINE, make_humanizer, make_network
from tests.strategies import make_loop
from trapgen.core import (
    CLOSED_HAT,
    CRASH,
    KICK,
    SNARE,
    DrumLoop,
    GateRefusedError,
    ModelError,
    ParameterError,
    SampleParams,
    StandardizeParams,
    TableError,
    relabel,
    rotate,
    to_loop,
    to_words,
)
from trapgen.generate import draw_loops, generate, load_generator, regenerate
from trapgen.generate.prompt import Prompt
from trapgen.generate.read_prompt import load_prompt
from trapgen.generate.receipt import _hash_receipt, find_shared_voices, hash_code, is_sealed
from trapgen.ingest import read_loop
from trapgen.midi import write_loop
from trapgen.model import save_humanizer, save_network
from trapgen.similarity import measure_novelty, rank_nearest, save_training_index

STEERED = SampleParams(
    loops=2,
    bars=1,
    bpm=133,
    temperature=0.9,
    top_p=0.95,
    voice_temperatures=("closed_hat=1.2",),
    require=("snare@3",),
    density=("kick=1-4",),
    rolls=0.5,
    choke=True,
    swing=0.3,
    humanize=0.2,
    strength=0.4,
)


def random_loops(n, seed, n_bars=1):
    rng = np.random.default_rng(seed)
    loops = [to_loop(rng.integers(0, 512, n_bars * 32) & 480, 32) for _ in range(n)]
    return [relabel(loop, loop_id=f"take-{at}") for at, loop in enumerate(loops)]


def make_folder(folder, network_seed=0, n_held_out=10):
    save_network(folder, make_network(FINE, seed=network_seed))
    loops = random_loops(20, seed=0)
    save_humanizer(folder, make_humanizer(FINE.steps_per_bar))
    held_out = measure_novelty(random_loops(n_held_out, seed=1), loops)
    save_training_index(folder, loops, held_out)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def steered(model, tmp_path_factory):
    """The parameters and the folder of loops that use all kinds of control."""
    folder = tmp_path_factory.mktemp("steered")
    source = folder / "full_mine.mid"
    (mine,) = random_loops(1, seed=2, n_bars=2)
    velocities = mine.velocities.copy()
    velocities[0, CRASH] = 90
    write_loop(source, replace(mine, velocities=velocities))
    params = {"lock": ("crash",), "lock_from": str(source), "vary": str(source)}
    params = SampleParams(
        **{name: getattr(STEERED, name) for name in STEERED.__dataclass_fields__} | params
    )
    primed = SampleParams(loops=1, bars=1, primer=str(source), primer_bars=2)
    generator = load_generator(model)
    generate(generator, params, 5, folder / "steered")
    generate(generator, primed, 6, folder / "primed")
    # From here on the receipts have to do without it.
    source.unlink()
    return folder


# Made again


@pytest.mark.parametrize(
    "name",
    ["steered/loop-133bpm-5-00001", "steered/loop-133bpm-5-00002", "primed/loop-140bpm-6-00001"],
)
def test_regenerating_from_a_receipt_gives_the_same_bytes(model, steered, tmp_path, name):
    receipt = tmp_path / "any-name.json"
    shutil.copy(steered / f"{name}.json", receipt)
    again = regenerate(load_generator(model), receipt, tmp_path / "again")
    names = sorted(path.name for path in (tmp_path / "again").iterdir())
    assert [again["loop"] + end for end in (".json", ".mid", ".png", ".wav")] == names
    for path in (tmp_path / "again").iterdir():
        assert path.read_bytes() == (steered / name).with_suffix(path.suffix).read_bytes()


@pytest.mark.slow
def test_regenerating_in_another_process_gives_the_same_bytes(model, steered, tmp_path):
    receipt = steered / "steered/loop-133bpm-5-00002.json"
    command = ("regenerate", receipt, "--model", model, "--out", tmp_path, "--json")
    done = subprocess.run(
        [sys.executable, "-m", "trapgen.cli", *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(receipt.read_text())
    for path in tmp_path.iterdir():
        assert path.read_bytes() == receipt.with_suffix(path.suffix).read_bytes()


@pytest.mark.slow
def test_a_loop_is_the_same_in_another_process_and_among_other_loops(model, tmp_path):
    command = ("generate", "--model", model, "--out", tmp_path, "--loops", 3, "--bars", 1)
    command += ("--require", "snare@3", "--density", "kick=1-4", "--choke", "--top-k", 40)
    done = subprocess.run(
        [sys.executable, "-m", "trapgen.cli", *map(str, command)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    params = {"require": ("snare@3",), "density": ("kick=1-4",), "choke": True, "top_k": 40}
    generate(load_generator(model), SampleParams(1, 1, **params), 0, tmp_path / "one")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_another_model_or_other_data_is_refused_and_both_are_named(model, steered, tmp_path):
    receipt = steered / "steered/loop-133bpm-5-00001.json"
    told = json.loads(receipt.read_text())
    other = load_generator(make_folder(tmp_path / "model", network_seed=1))
    with pytest.raises(ModelError, match="another_model") as caught:
        regenerate(other, receipt, tmp_path / "out")
    assert told["model"] in str(caught.value)
    assert other.model_hash in str(caught.value)
    other = load_generator(make_folder(tmp_path / "data", n_held_out=3))
    with pytest.raises(ModelError, match="another_data") as caught:
        regenerate(other, receipt, tmp_path / "out")
    assert told["data"] in str(caught.value)
    assert other.data_hash in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_receipt_that_gives_another_loop_is_refused(model, steered, tmp_path):
    told = json.loads((steered / "steered/loop-133bpm-5-00001.json").read_text())
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps({**told, "seed": 4}))
    with pytest.raises(ModelError, match="another_loop") as caught:
        regenerate(load_generator(model), changed, tmp_path / "out")
    assert hash_code() in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told.pop("seed"), "without seed"),
        (lambda told: told.pop("fills"), "without fills"),
        (lambda told: told.update(top_p=2), "sample.top_p"),
        (lambda told: told.update(seed="x"), "invalid literal"),
        (lambda told: told.update(number=-1), "counted from 0"),
        (lambda told: told.pop("steps_per_bar"), "without steps_per_bar"),
        (lambda told: told.update(prompt={"locked": "0b2"}), "prompt.locked"),
        (lambda told: told.update(prompt={"locked": "0b0 BAR"}), "as long as the loops"),
        (lambda told: told.update(prompt={"melody": "0b0"}), "melody"),
        (lambda told: told.update(prompt=[]), "there with lock"),
        (lambda told: told["prompt"].pop("theme"), "prompt.theme_hits"),
        (lambda told: told.update(vary=""), "there with vary"),
        (lambda told: told.update(lock=[], lock_from=""), "there with lock"),
        (lambda told: told.update(prompt=3), "given|iterable"),
        (lambda told: told.update(primer="x", primer_bars=1), "there with primer"),
        (lambda told: told.update(steps_per_bar=17), "steps_per_bar must be one of"),
        (lambda told: told.update(model="../up"), "model must be a hash"),
        (lambda told: told.update(data=["a"]), "data must be a hash"),
        (lambda told: told.update(software=[]), "software must be"),
        (lambda told: told.update(number=10**12), "counted from 0"),
        (lambda told: told["prompt"]["locked_hits"][0].__setitem__(0, 10**400), "locked_hits"),
    ],
)
def test_a_broken_receipt_is_refused(model, steered, tmp_path, change, words):
    told = json.loads((steered / "steered/loop-133bpm-5-00001.json").read_text())
    change(told)
    (tmp_path / "broken.json").write_text(json.dumps(told))
    with pytest.raises(TableError, match=words):
        regenerate(load_generator(model), tmp_path / "broken.json", tmp_path)


def seal(told):
    """A receipt whose digest fits, as one who knows the rule would write it."""
    return {**told, "digest": _hash_receipt(told)}


FORGERIES = {
    "novelty": lambda told: told.update(novelty=0.99),
    "novelty_percentile": lambda told: told.update(novelty_percentile=0.25),
    "nearest[0].distance": lambda told: told["nearest"][0].update(distance=0.9),
    "n_onsets": lambda told: told.update(n_onsets=told["n_onsets"] + 1),
    "bar_lengths": lambda told: told.update(bar_lengths=[]),
}


@pytest.mark.parametrize("rule", [dict, seal, lambda told: told.pop("digest") and told])
@pytest.mark.parametrize("figure", FORGERIES)
def test_a_forged_figure_is_named_whatever_the_digest_says(model, steered, tmp_path, figure, rule):
    told = json.loads((steered / "steered/loop-133bpm-5-00001.json").read_text())
    true = told["nearest"][0]["distance"] if "[" in figure else told[figure]
    FORGERIES[figure](told)
    (tmp_path / "forged.json").write_text(json.dumps(rule(told)))
    with pytest.raises(TableError, match="forged") as caught:
        regenerate(load_generator(model), tmp_path / "forged.json", tmp_path / "out")
    assert f"forged (received {figure} " in str(caught.value)
    assert f"The loop gives {figure} {json.dumps(true)}: " in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_what_a_loop_does_not_prove_is_held_by_the_digest(model, steered, tmp_path):
    told = json.loads((steered / "steered/loop-133bpm-5-00001.json").read_text())
    assert is_sealed(told)
    told["software"]["numpy"] = "0.0"
    assert is_sealed(told) is False
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(told))
    with pytest.raises(TableError, match="edited"):
        regenerate(load_generator(model), path, tmp_path / "out")
    done = trapgen("lineage", path)
    assert (done.returncode, "edited" in done.stderr) == (3, True)
    path.write_text(json.dumps(seal({**told, "extra": 1})))
    assert regenerate(load_generator(model), path, tmp_path / "out")["midi"] == told["midi"]


def test_a_receipt_of_an_earlier_version_has_no_digest_and_still_works(model, steered, tmp_path):
    told = json.loads((steered / "steered/loop-133bpm-5-00001.json").read_text())
    del told["digest"]
    assert is_sealed(told) is None
    (tmp_path / "old.json").write_text(json.dumps(told))
    command = ("regenerate", tmp_path / "old.json", "--model", model, "--out", tmp_path / "out")
    done = trapgen(*command)
    assert done.returncode == 0, done.stderr
    assert "old.json has no digest" in done.stderr
    for suffix in (".mid", ".wav", ".json"):
        made = (tmp_path / "out" / "loop-133bpm-5-00001").with_suffix(suffix)
        assert made.read_bytes() == (steered / f"steered/loop-133bpm-5-00001{suffix}").read_bytes()


# What is said


def test_a_receipt_says_how_the_loop_was_made(steered, model):
    told = json.loads((steered / "steered/loop-133bpm-5-00002.json").read_text())
    generator = load_generator(model)
    assert (told["model"], told["data"]) == (generator.model_hash, generator.data_hash)
    assert (told["seed"], told["number"], told["attempt"]) == (5, 1, 0)
    assert told["require"] == ["snare@3"]
    assert told["rolls"] == 0.5
    assert set(told["prompt"]) == {"locked", "locked_hits", "theme", "theme_hits", "notes"}
    tempo, length = told["prompt"]["notes"]
    assert tempo.endswith("full_mine.mid: its 140 bpm become 133")
    assert length.endswith("full_mine.mid: only the first 1 of 2 bars are used")
    assert set(told["software"]) == {"trapgen", "numpy", "onnxruntime"}
    assert told["prompt"]["locked"].split()[-1] == "BAR"
    primed = json.loads((steered / "primed/loop-140bpm-6-00001.json").read_text())
    assert set(primed["prompt"]) == {"primer", "primer_beats"}
    assert len(primed["prompt"]["primer"].split()) == 66


def test_the_percentile_is_the_share_of_held_out_loops_that_are_nearer(model, tmp_path):
    generator = load_generator(model)
    held_out = random_loops(10, seed=1)
    theirs = [pairs[0].distance for pairs in rank_nearest(held_out, generator.training_loops)]
    assert generator.held_out == pytest.approx(sorted(theirs), abs=1e-6)
    for told in generate(generator, SampleParams(3, 1), 0, tmp_path):
        nearer = sum(distance < told["nearest"][0]["distance"] for distance in theirs)
        assert told["novelty"] == told["nearest"][0]["distance"]
        assert told["novelty_percentile"] == pytest.approx(nearer / 10, abs=0.11)


def test_without_held_out_loops_there_is_no_percentile(tmp_path):
    generator = load_generator(make_folder(tmp_path, n_held_out=0))
    (told,) = generate(generator, SampleParams(1, 1), 0, tmp_path / "out")
    assert told["novelty_percentile"] is None


def test_a_rotated_copy_is_found_with_the_voices_it_shares():
    reference = random_loops(5, seed=3)
    copy = rotate(reference[2], 8)
    (pairs,) = rank_nearest([copy], reference)
    assert (pairs[0].right, pairs[0].distance) == (2, 0)
    assert str(pairs[0].transform) == "rotated by 1 beat"
    sounding = find_shared_voices(copy, reference[2], pairs[0])
    assert sounding == ["kick", "snare", "closed_hat", "open_hat"]


def test_a_copy_in_half_time_is_found():
    quick = make_loop((0, KICK), (6, KICK), (8, SNARE), (2, CLOSED_HAT))
    slow = make_loop((0, KICK), (12, KICK), (16, SNARE), (4, CLOSED_HAT), bars=2)
    (pairs,) = rank_nearest([slow], [make_loop((1, KICK)), quick])
    assert (pairs[0].right, pairs[0].distance) == (1, 0)
    assert str(pairs[0].transform) == "in half time"
    assert find_shared_voices(slow, quick, pairs[0]) == ["kick", "snare", "closed_hat"]


def test_only_voices_that_agree_throughout_are_shared():
    one = make_loop((0, KICK), (4, SNARE), (8, KICK))
    other = make_loop((0, KICK), (4, SNARE), (9, KICK))
    (pairs,) = rank_nearest([one], [other])
    assert find_shared_voices(one, other, pairs[0]) == ["snare"]


# Novelty


@pytest.mark.slow
def test_loops_too_near_to_training_are_drawn_again(model, tmp_path):
    generator = load_generator(model)
    first = generate(generator, SampleParams(6, 1), 0, tmp_path / "first")
    line = sorted(told["novelty"] for told in first)[2]
    params = SampleParams(6, 1, min_novelty=line)
    told = generate(generator, params, 0, tmp_path / "novel")
    assert [each["loop"] for each in told] == [each["loop"] for each in first]
    for each, before in zip(told, first, strict=True):
        assert each["novelty"] >= line - 1e-4
        if before["novelty"] >= line + 1e-4:
            assert (each["attempt"], each["midi"]) == (0, before["midi"])
        elif before["novelty"] < line - 1e-4:
            assert each["attempt"] > 0
            assert each["midi"] != before["midi"]
    redrawn = next(each for each in told if each["attempt"])
    name = redrawn["loop"]
    again = regenerate(generator, tmp_path / f"novel/{name}.json", tmp_path / "again")
    assert again == redrawn


def test_loops_that_cannot_be_novel_are_named(model, tmp_path):
    # Strength 0: what is varied comes back, and that is a training loop.
    generator = load_generator(model)
    write_loop(tmp_path / "full.mid", generator.training_loops[4])
    params = SampleParams(2, 1, vary=str(tmp_path / "full.mid"), strength=0, min_novelty=0.2)
    decoded_loops = draw_loops(generator, params, 0)[1]
    assert decoded_loops[0].words.tolist() == to_words(generator.training_loops[4]).tolist()
    with pytest.raises(GateRefusedError, match="drawn 20 times") as caught:
        generate(generator, params, 0, tmp_path / "out")
    assert len(caught.value.reasons) == 2
    for name in ("loop-140bpm-0-00001", "loop-140bpm-0-00002"):
        assert name in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_locked_voices_need_a_file(model, tmp_path):
    for changes in ({"lock": ("kick",)}, {"lock_from": "mine.mid"}):
        with pytest.raises(ParameterError, match="together with"):
            SampleParams(**changes)


def test_locked_voices_are_played_as_given_and_from_the_receipt_again(model, tmp_path):
    rng = np.random.default_rng(5)
    velocities = rng.integers(1, 128, (32, 9)) * (rng.random((32, 9)) < 0.3)
    offsets = np.round(rng.uniform(-12, 11, (32, 9))) / 30
    mine = DrumLoop(velocities.astype(np.uint8), 32, 140, offsets)
    write_loop(tmp_path / "mine.mid", mine)
    read = read_loop(tmp_path / "mine.mid", StandardizeParams(32)).loop
    lock = ("kick", "closed_hat")
    params = SampleParams(
        loops=2, bars=2, lock=lock, lock_from=str(tmp_path / "mine.mid"), humanize=0.5, swing=0.5
    )
    generator = load_generator(model)
    generate(generator, params, 1, tmp_path / "loops")
    for path in sorted((tmp_path / "loops").glob("*.mid")):
        made = read_loop(path, StandardizeParams(32)).loop
        for voice in (KICK, CLOSED_HAT):
            for ours, theirs in ((made.velocities, read.velocities), (made.offsets, read.offsets)):
                np.testing.assert_array_equal(ours[:, voice], np.tile(theirs[:, voice], 2))
        (tmp_path / "mine.mid").unlink(missing_ok=True)
        regenerate(generator, path.with_suffix(".json"), tmp_path / "again")
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_kept_hits_of_a_variation_are_played_as_given(model, tmp_path):
    rng = np.random.default_rng(6)
    velocities = rng.integers(1, 128, (32, 9)) * (rng.random((32, 9)) < 0.3)
    offsets = np.round(rng.uniform(-12, 11, (32, 9))) / 30
    write_loop(tmp_path / "mine.mid", DrumLoop(velocities.astype(np.uint8), 32, 140, offsets))
    mine = read_loop(tmp_path / "mine.mid", StandardizeParams(32)).loop
    generator = load_generator(model)
    params = SampleParams(loops=2, bars=1, vary=str(tmp_path / "mine.mid"), strength=0)
    for loop in draw_loops(generator, params, 1)[0]:
        np.testing.assert_array_equal(loop.velocities, mine.velocities)
        np.testing.assert_array_equal(loop.offsets, mine.offsets)
    params = replace(params, strength=0.5)
    for loop in draw_loops(generator, params, 1)[0]:
        kept = loop.onsets & mine.onsets
        assert 0 < kept.sum() < loop.onsets.sum()
        np.testing.assert_array_equal(loop.velocities[kept], mine.velocities[kept])
        np.testing.assert_array_equal(loop.offsets[kept], mine.offsets[kept])
    swung = draw_loops(generator, replace(params, swing=1, strength=0), 1)[0][0]
    np.testing.assert_array_equal(swung.velocities, mine.velocities)
    assert not np.array_equal(swung.offsets, mine.offsets)


def test_dropped_notes_and_bars_of_a_file_are_reported(tmp_path):
    network, grid = make_network(FINE), FINE.steps_per_bar
    # Pairs a 96th apart: a grid of 32 takes two of three for one hit.
    steps = [4 * at + by for at in range(24) for by in (0, 1)] + [300]
    loop = make_loop(*((step, SNARE) for step in steps), steps_per_bar=96, bars=4)
    write_loop(tmp_path / "fine.mid", loop)
    lock = {"lock": ("snare",), "lock_from": str(tmp_path / "fine.mid")}
    _, given = load_prompt(network, [], SampleParams(bars=2, **lock), 0)
    assert [note.partition("fine.mid: ")[2] for note in given.notes] == [
        f"16 hits meet louder ones at {grid} steps per bar; 96 steps would separate them",
        "only the first 2 of 4 bars are used",
    ]
    assert Prompt.from_json(given.to_json(grid)).notes == given.notes


def test_a_voice_is_locked_only_where_the_file_has_it(tmp_path):
    write_loop(tmp_path / "kick.mid", make_loop((0, KICK)))
    params = SampleParams(lock=("kick", "snare"), lock_from=str(tmp_path / "kick.mid"))
    with pytest.raises(ParameterError, match=r"kick\.mid \(received 'snare'\)"):
        load_prompt(make_network(FINE), [], params, 0)


@pytest.mark.parametrize("hit", [[32, 0, 90, 0], [0, 9, 90, 0], [0, 0, 0, 0], [0, 0, 9, 0.5], [0]])
def test_a_required_hit_that_cannot_be_played_is_refused(hit):
    locked = Prompt(locked=np.zeros(32, np.int64)).to_json(32)
    with pytest.raises(ParameterError, match="locked_hits"):
        Prompt.from_json({**locked, "locked_hits": [hit]})
