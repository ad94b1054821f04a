"""The command as a user calls it: arguments, files, exit codes."""

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.command import run_trapgen, trapgen
from tests.networks import make_humanizer
from trapgen.core import (
    CLOSED_HAT,
    KICK,
    SNARE,
    Codec,
    DrumLoop,
    StandardizeParams,
    TrainParams,
    load_params,
    read_lines,
    to_words,
)
from trapgen.generate import generate as run_generate
from trapgen.generate import load_generator
from trapgen.ingest import load_starter, read_loop, write_packs
from trapgen.midi import read_strikes, write_loop
from trapgen.model import ModelSpec, Network, save_humanizer, save_network, weight_shapes
from trapgen.similarity import save_training_index


def answer(*arguments: object) -> dict:
    done = trapgen(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    write_packs(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, packs: Path) -> Path:
    """A network with random weights: the command does not care how good it is."""
    folder = tmp_path_factory.mktemp("model")
    spec = ModelSpec.of(TrainParams(layers=1, units=8), Codec(32))
    rng = np.random.default_rng(0)
    weights = {
        name: rng.normal(0, 0.3, shape).astype(np.float32)
        for name, shape in weight_shapes(spec).items()
    }
    save_network(folder, Network(spec, weights))
    params = StandardizeParams(32)
    loops = [read_loop(path, params).loop for path in sorted(packs.rglob("*.mid"))[:40]]
    save_humanizer(folder, make_humanizer(32, conditions=spec.conditions))
    save_training_index(folder, loops)
    return folder


def cpu_seconds(*command: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("command", [("-c", "import trapgen"), ("-m", "trapgen.cli", "--help")])
def test_nobody_waits_for_help_or_the_package(command: tuple[str, ...]) -> None:
    assert min(cpu_seconds(*command) for _ in range(5)) < 0.3


def test_help_lists_every_verb() -> None:
    said = trapgen("--help").stdout
    for verb in ("standardize", "encode", "decode", "audit", "score", "generate"):
        assert verb in said
        assert trapgen(verb, "--help").returncode == 0


def test_help_loads_none_of_the_heavy_ones() -> None:
    code = (
        "import sys, trapgen.cli; "
        "print([m for m in ('numpy', 'pandas', 'tensorflow', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_exit_code_is_the_processes(tmp_path: Path) -> None:
    done = run_trapgen("encode", tmp_path / "nowhere", "--out", tmp_path / "x")
    assert done.returncode == 3
    assert "nowhere" in done.stderr
    assert run_trapgen("mix").returncode == 2


def test_standardize_accounts_for_every_file(packs: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(packs, source)
    (source / "empty.mid").write_bytes(b"")
    said = answer("standardize", source, "--out", tmp_path / "out")
    assert said["loops"] + said["rejects"] == len(list(source.rglob("*.mid")))
    assert said["rejects"] == 1
    manifest = pd.read_parquet(tmp_path / "out/manifest.parquet")
    assert manifest["path"].map(lambda path: (tmp_path / "out" / path).is_file()).all()
    for row in manifest.to_dict("records"):
        n_strikes = len(read_strikes(source / row["source_path"]))
        assert row["n_onsets"] + row["collapsed_onsets"] + row["dropped_onsets"] == n_strikes


@pytest.fixture(scope="module")
def seventy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bars at 70 bpm with the snare on 2 and 4."""
    velocities = np.zeros((64, 9), np.uint8)
    velocities[::4, CLOSED_HAT] = velocities[::16, KICK] = velocities[8::16, SNARE] = 100
    path = tmp_path_factory.mktemp("seventy") / "loop.mid"
    write_loop(path, DrumLoop(velocities, 32, 70))
    return path


def test_every_verb_reads_seventy_as_140_with_the_snare_on_3(
    seventy: Path, model: Path, tmp_path: Path
) -> None:
    answer("standardize", seventy, "--out", tmp_path / "clean")
    row = pd.read_parquet(tmp_path / "clean/manifest.parquet").iloc[0]
    assert (row["bpm"], row["n_bars"], row["feel"][:6]) == (140, 4, "70 bpm")
    loop = read_loop(tmp_path / "clean/loops/loop.mid", StandardizeParams(feel="keep")).loop
    assert np.flatnonzero(loop.onsets[:, SNARE]).tolist() == [16, 48, 80, 112]
    assert answer("encode", seventy, "--out", tmp_path / "loop.txt")["bars"] == 4
    (words,) = read_lines(tmp_path / "loop.txt", 32)
    assert np.array_equal(words, to_words(loop))
    assert answer("score", seventy, "--model", model)["n_steps"] == 4 * 32
    audited = ("audit", seventy, tmp_path / "clean", "--self-test-leaks", 1)
    done = trapgen(*audited, "--out", tmp_path / "audit", "--json")
    assert json.loads(done.stdout)["exact_bar_overlap"] == 1
    for option in (("--primer",), ("--vary",), ("--lock", "snare", "--from")):
        given = ("--bars", 1, "--loops", 1, *option, seventy, "--out", tmp_path / option[0])
        done = trapgen("generate", "--model", model, *given)
        assert "read as 140 bpm (70 bpm with 100% of the snares on 2 and 4)" in done.stderr


def test_every_verb_leaves_the_tempo_where_it_is_told_to(seventy: Path, tmp_path: Path) -> None:
    answer("standardize", seventy, "--out", tmp_path, "--feel", "keep")
    row = pd.read_parquet(tmp_path / "manifest.parquet").iloc[0]
    assert (row["bpm"], row["n_bars"], row["feel"]) == (70, 2, "")
    assert answer("encode", seventy, "--out", tmp_path / "a.txt", "--feel", "keep")["bars"] == 2


def test_a_key_map_that_is_named_reads_files_with_a_role_in_their_names(tmp_path: Path) -> None:
    velocities = np.zeros((32, 9), np.uint8)
    velocities[0, KICK] = velocities[8, SNARE] = 100
    write_loop(tmp_path / "Kick_01.mid", DrumLoop(velocities))
    for key_map, role in (("auto", "kick"), ("gm", "full")):
        out = tmp_path / key_map
        answer("standardize", tmp_path / "Kick_01.mid", "--out", out, "--key-map", key_map)
        row = pd.read_parquet(out / "manifest.parquet").iloc[0]
        assert (row["role"], row["key_map"]) == (role, "gm" if key_map == "gm" else "name")


def test_options_of_several_values_are_given_again_or_parted_by_commas(
    model: Path, packs: Path, tmp_path: Path
) -> None:
    source = next(packs.rglob("Full_Loop*.mid"))
    base = ("generate", "--model", model, "--loops", 1, "--from", source)
    together = answer(*base, "--lock", "kick,snare", "--out", tmp_path / "a")
    again = answer(*base, "--lock", "kick", "--lock", "snare", "--out", tmp_path / "b")
    assert together == again
    assert together["loops"][0]["lock"] == ["kick", "snare"]


@pytest.mark.slow
def test_generate_without_options_draws_as_the_pipeline_does(model: Path, tmp_path: Path) -> None:
    answer("generate", "--model", model, "--out", tmp_path / "command")
    params = load_params(Path(__file__).parents[2] / "params.yaml")
    run_generate(load_generator(model), params.sample, params.seed, tmp_path / "pipeline")
    command, pipeline = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("command", "pipeline")
    )
    assert command == pipeline
    assert len(command) == 32


@pytest.mark.slow
def test_no_verb_replaces_a_file_of_the_users(packs: Path, model: Path, tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    shutil.copytree(packs, own / "loops")
    shutil.copytree(packs, other)
    (own / "words.txt").write_text("0 BAR")
    (own / "words-0001.mid").write_text("mine")
    (own / "summary.json").write_text("mine")
    before = {path: path.read_bytes() for path in own.rglob("*.*")}
    for arguments in (
        ("standardize", own / "loops", "--out", own, "--overwrite"),
        ("encode", own / "loops", "--out", own / "words.txt"),
        ("decode", own / "words.txt", "--out", own, "--steps-per-bar", 16),
        ("audit", own / "loops", other, "--out", own),
        ("generate", "--model", model, "--vary", own / "loops", "--out", own / "loops"),
        ("regenerate", own / "summary.json", "--out", own),
    ):
        done = trapgen(*arguments)
        assert done.returncode == 3, arguments
        assert str(own) in done.stderr
    assert {path: path.read_bytes() for path in own.rglob("*.*")} == before


def test_encode_then_decode_gives_the_words_back(packs: Path, tmp_path: Path) -> None:
    text = tmp_path / "loops.txt"
    assert answer("encode", packs, "--out", text)["loops"] == len(list(packs.rglob("*.mid")))
    said = answer("decode", text, "--out", tmp_path / "midi", "--bpm", 150)
    files = sorted((tmp_path / "midi").glob("*.mid"))
    lines = read_lines(text, 32)
    assert said["loops"] == len(files) == len(lines)
    params = StandardizeParams(32, "gm", by_name=False)
    for path, words in zip(files, lines, strict=True):
        read = to_words(read_loop(path, params).loop)
        # Bars of silence at a line's end are not heard in its MIDI file.
        assert np.array_equal(read, words[: len(read)])
        assert not words[len(read) :].any()


def test_encode_gives_the_published_text(shared: Path, tmp_path: Path) -> None:
    out = tmp_path / "metallica.txt"
    arguments = ("--key-map", "paper", "--meter", "ignore", "--feel", "keep")
    arguments += ("--steps-per-bar", 16)
    assert answer("encode", shared / "data/metallica", "--out", out, *arguments)["bars"] == 10_927
    published = shared / "data/metallica" / "metallica_drums_text.txt"

    def bars(path: Path) -> list:
        return sorted(np.concatenate(read_lines(path, 16)).reshape(-1, 16).tolist())

    assert bars(out) == bars(published)


def test_decode_reads_the_original_text(shared: Path, tmp_path: Path) -> None:
    text = shared / "data/trap-loops" / "combined_16.txt"
    first = tmp_path / "first.txt"
    first.write_text(" ".join(text.read_text().split()[: 17 * 40]))
    assert answer("decode", first, "--out", tmp_path, "--steps-per-bar", 16)["loops"] == 1
    assert len(read_strikes(tmp_path / "first-0001.mid")) > 0


@pytest.mark.slow
def test_audit_refuses_a_copied_half_with_exit_code_4(packs: Path, tmp_path: Path) -> None:
    done = trapgen("audit", packs, packs, "--out", tmp_path, "--json")
    assert done.returncode == 4
    assert json.loads(done.stdout)["exact_bar_overlap"] == 1
    assert "share a source" in done.stderr
    assert (tmp_path / "report.html").is_file()


def test_audit_passes_independent_loops(tmp_path: Path) -> None:
    loops = [loop for loop in load_starter() if loop.lineage.role == "full"]
    for at, loop in enumerate(loops):
        write_loop(tmp_path / ("train" if at % 2 else "other") / f"drums-{at:02d}.mid", loop)
    summary = answer("audit", tmp_path / "train", tmp_path / "other", "--out", tmp_path / "out")
    assert summary["gate"] == "pass"
    assert summary["n_loops"] == {"train": len(loops) // 2, "other": -(-len(loops) // 2)}


@pytest.mark.slow
def test_audit_finds_the_loops_that_the_original_repeated(shared: Path, tmp_path: Path) -> None:
    files = sorted((shared / "data/trap-loops/combined").glob("*.mid"))
    for at, index in enumerate(np.random.default_rng(0).permutation(len(files)).tolist()):
        side = tmp_path / ("train" if at % 2 else "other")
        side.mkdir(exist_ok=True)
        shutil.copy(files[index], side)
    sides = (tmp_path / "train", tmp_path / "other")
    done = trapgen("audit", *sides, "--out", tmp_path / "out", "--feel", "keep", "--json")
    summary = json.loads(done.stdout)
    assert done.returncode == 4
    # The loops drift against their own grid: exactly, fewer bars repeat than a listener hears.
    assert summary["exact_bar_overlap"] > 0.5
    assert summary["near_bar_overlap"] > 0.75


def test_score_compares_with_the_baselines(packs: Path, model: Path) -> None:
    said = answer("score", packs, "--model", model)
    assert set(said) == {"bits_per_step", "n_steps", "n_loops", "baselines", "loops"}
    assert set(said["baselines"]) == {"lag_copy", "ngram", "position", "repeat_bar", "uniform"}
    assert said["n_loops"] == len(list(packs.rglob("*.mid")))
    names = {path.relative_to(packs).as_posix() for path in packs.rglob("*.mid")}
    assert {row["loop"] for row in said["loops"]} == names
    total = sum(row["bits_per_step"] * row["n_bars"] for row in said["loops"])
    n_bars = sum(row["n_bars"] for row in said["loops"])
    assert total / n_bars == pytest.approx(said["bits_per_step"])
    assert said["baselines"]["ngram"] < said["baselines"]["uniform"] == 9
    assert trapgen("score", packs, "--model", model, "--steps-per-bar", 16).returncode == 3


def test_generate_writes_four_files_a_loop_and_the_same_twice(model: Path, tmp_path: Path) -> None:
    arguments = ("generate", "--model", model, "--loops", 3, "--bars", 2, "--seed", 7)
    said = answer(*arguments, "--out", tmp_path / "a")
    answer(*arguments, "--out", tmp_path / "b")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    expected = [receipt["loop"] for receipt in said["loops"] for _ in range(4)]
    assert [name.rsplit(".", 1)[0] for name in names] == expected
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.slow
def test_a_primer_changes_what_is_drawn(model: Path, packs: Path, tmp_path: Path) -> None:
    primer = next(packs.rglob("Full_Loop*.mid"))
    base = ("generate", "--model", model, "--loops", 1)
    free = answer(*base, "--out", tmp_path / "free")
    primed = answer(*base, "--primer", primer, "--out", tmp_path / "primed")
    from_train = answer(*base, "--primer", "train", "--out", tmp_path / "train")
    folders = [tmp_path / name for name in ("free", "primed", "train")]
    drawn = [next(folder.glob("*.mid")).read_bytes() for folder in folders]
    assert len(set(drawn)) == 3
    assert [said["loops"][0]["primer"] for said in (free, primed, from_train)] == [
        "",
        str(primer),
        "train",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("standardize", "nowhere", "--out", "x"), 3, ("nowhere", "missing")),
        (("standardize", ".", "--out", "x", "--steps-per-bar", "17"), 2, ("steps_per_bar", "17")),
        (("encode", "nowhere", "--out", "x"), 3, ("nowhere",)),
        (("decode", "nowhere.txt", "--out", "x"), 3, ("nowhere.txt", "unreadable")),
        (("generate", "--out", "x", "--model", "nowhere"), 3, ("nowhere", "no_model")),
        (("generate", "--out", "x", "--loops", "none"), 2, ("sample.loops", "none")),
        (("generate", "--out", "x", "--loops", "9" * 5000), 2, ("sample.loops", "to 99,999")),
        (("generate", "--out", "x", "--rolls", "nan"), 2, ("sample.rolls", "nan")),
        (("generate", "--out", "x", "--lock", "kick"), 2, ("sample.lock_from",)),
        (("audit", "x", "y", "--out", "z", "--max-overlap", "2"), 2, ("audit.max_overlap", "2")),
        (("generate", "--out", "x", "--model", "factory", "--seed", "-1"), 2, ("seed", "-1")),
        (("generate", "--out", __file__, "--model", "factory"), 3, (__file__, "no_folder")),
        (
            ("generate", "--out", "x", "--model", "factory", "--kind", "solo"),
            2,
            ("nothing", "solo"),
        ),
        (("regenerate", "nowhere.json", "--out", "x"), 3, ("nowhere.json", "receipt")),
        (("mix",), 2, ("mix",)),
    ],
)
def test_bad_input_is_one_clear_sentence(
    arguments: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    done = trapgen(*arguments)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
