"""Versions of models, the one in use, and the ledger that is the truth about it."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.command import run_trapgen
from tests.library.test_receipt import make_folder
from tests.networks import FINE, make_network
from trapgen.core import InputError, ModelError, PromoteParams, make_rng
from trapgen.evaluate import NAMES, Exam, Result, decide, examine, fit_baselines, measure_copies
from trapgen.generate import load_generator
from trapgen.model import (
    CANDIDATE,
    DECLINED,
    MODELS,
    PROMOTED,
    ROLLED_BACK,
    add_to_ledger,
    find_model_in_use,
    find_previous,
    name_version,
    prune,
    read_champion,
    read_ledger,
    roll_back,
    save_network,
    settle,
    store_version,
)
from trapgen.model.champions import _CHAMPION

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three models."""
    return [make_folder(tmp_path_factory.mktemp("model"), network_seed=seed) for seed in range(3)]


def promote(models, folder, when=NOW, event=PROMOTED):
    version, champion = store_version(models, folder), read_champion(models)
    now = version if event == PROMOTED else champion
    row = {"version": version, "champion": now, "previous": champion, "event": event}
    add_to_ledger(models, {**row, "when": when.isoformat()})
    return version


def test_the_model_in_use_is_the_champion_else_the_candidate(tmp_path, folders):
    assert find_model_in_use(tmp_path) is None
    shutil.copytree(folders[0], tmp_path / CANDIDATE)
    assert find_model_in_use(tmp_path) == (tmp_path / CANDIDATE, "candidate")
    version = promote(tmp_path / MODELS, folders[1])
    assert find_model_in_use(tmp_path) == (tmp_path / MODELS / version, "champion")
    promote(tmp_path / MODELS, folders[2], event=DECLINED)
    assert find_model_in_use(tmp_path) == (tmp_path / MODELS / version, "champion")
    shutil.rmtree(tmp_path / MODELS / version)
    with pytest.raises(ModelError, match=f"no_model.*{version}"):
        find_model_in_use(tmp_path)


def test_a_version_is_a_copy_named_by_what_receipts_name(tmp_path, folders):
    version = store_version(tmp_path, folders[0])
    generator = load_generator(folders[0])
    assert version == f"{generator.model_hash}-{generator.data_hash[:8]}"
    assert name_version(tmp_path / version) == version
    copied = {path.name: path.read_bytes() for path in (tmp_path / version).iterdir()}
    assert copied == {path.name: path.read_bytes() for path in folders[0].iterdir()}
    assert store_version(tmp_path, folders[0]) == version
    assert len({name_version(folder) for folder in folders}) == 3


def test_rows_are_only_added(tmp_path, folders):
    texts = []
    for folder, event in zip(folders, (PROMOTED, DECLINED, PROMOTED), strict=True):
        promote(tmp_path, folder, event=event)
        texts.append((tmp_path / "ledger.csv").read_text())
    roll_back(tmp_path, "by hand")
    texts.append((tmp_path / "ledger.csv").read_text())
    for before, after in itertools.pairwise(texts):
        assert after.startswith(before)
    assert [row["event"] for row in read_ledger(tmp_path)] == [
        PROMOTED, DECLINED, PROMOTED, ROLLED_BACK,
    ]  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["promote", "back"]), max_size=12))
def test_a_rollback_goes_back_and_back(folders, steps):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trapgen.model.champions.read_ledger", lambda _: rows)
        rows, reign = [], []
        for number, step in enumerate(steps):
            if step == "promote":
                reign.append(str(number))
                rows.append({"event": PROMOTED, "champion": str(number)})
            elif len(reign) < 2:
                with pytest.raises(InputError, match="no_previous"):
                    find_previous(Path())
            else:
                assert find_previous(Path()) == reign[-2]
                reign.pop()
                rows.append({"event": ROLLED_BACK, "champion": reign[-1]})


def test_an_interruption_between_ledger_and_champion_is_settled(tmp_path, folders):
    first = promote(tmp_path, folders[0])
    second = promote(tmp_path, folders[1])
    (tmp_path / _CHAMPION).write_text(f"{first}\n")
    settle(tmp_path)
    assert read_champion(tmp_path) == second
    (tmp_path / _CHAMPION).unlink()
    settle(tmp_path)
    assert read_champion(tmp_path) == second


def keep_promoting(models, folder, first):
    for seed in itertools.count(first):
        save_network(folder, make_network(FINE, seed=seed))
        promote(models, folder)


@pytest.mark.slow
def test_a_reader_never_fails_while_writers_are_killed(tmp_path, folders):
    promote(tmp_path / MODELS, folders[0])
    trained = shutil.copytree(folders[0], tmp_path / CANDIDATE)
    context = multiprocessing.get_context("fork")
    for number, moment in enumerate(np.random.default_rng(0).uniform(0.01, 0.2, 20)):
        arguments = (tmp_path / MODELS, trained, 1000 * (number + 1))
        writer = context.Process(target=keep_promoting, args=arguments)
        writer.start()
        end = time.monotonic() + moment
        while time.monotonic() < end:
            load_generator(find_model_in_use(tmp_path)[0])
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        settle(tmp_path / MODELS)
        load_generator(find_model_in_use(tmp_path)[0])
        assert read_ledger(tmp_path / MODELS)[-1]["champion"] == read_champion(tmp_path / MODELS)
    ledger = read_ledger(tmp_path / MODELS)
    # At least one promotion beside the readers: a busy machine manages few.
    assert len(ledger) > 1
    promote(tmp_path / MODELS, folders[2])
    left = {path.name for path in (tmp_path / MODELS).iterdir() if path.is_dir()}
    assert not [name for name in left if name.startswith(".part-")]
    assert {row["version"] for row in ledger} <= left


def test_old_versions_go_and_champions_stay(tmp_path, folders):
    champion = promote(tmp_path, folders[0], NOW - timedelta(days=400))
    old = promote(tmp_path, folders[1], NOW - timedelta(days=60), DECLINED)
    new = promote(tmp_path, folders[2], NOW - timedelta(days=40), DECLINED)
    assert prune(tmp_path, 2, 30, NOW) == []
    assert prune(tmp_path, 1, 90, NOW) == []
    assert prune(tmp_path, 1, 30, NOW) == [old]
    assert prune(tmp_path, 0, 30, NOW) == [new]
    assert (tmp_path / champion).is_dir()
    # The ledger forgets nothing.
    assert [row["version"] for row in read_ledger(tmp_path)] == [champion, old, new]


def result(name="test", gain=0.1, low=0.05, high=0.15):
    return Result(name, 9, 0, {"challenger": 1.0, "champion": 1.0 + gain}, gain, low, high)


COPIES = {"challenger": 0.1, "champion": 0.1}


@pytest.mark.parametrize(
    ("test", "outside", "copies", "reason"),
    [
        (result(), [], COPIES, ""),
        (result(), [result("Friends", -0.1, -0.2, 0.01)], COPIES, ""),
        (result(low=-0.01), [], COPIES, "not better by more than its interval"),
        (result(gain=-0.1, low=-0.2, high=-0.05), [], COPIES, "not better"),
        (result(), [result("Friends", -0.1, -0.2, -0.01)], COPIES, "worse on Friends"),
        (result(), [], {"challenger": 0.13, "champion": 0.1}, "copies more: 13.0%"),
        (result(), [], {"challenger": 0.11, "champion": 0.1}, ""),
    ],
)
def test_the_rule(test, outside, copies, reason):
    promoted, told = decide(test, outside, copies, PromoteParams())
    assert promoted is (not reason)
    assert told.startswith(reason or "better: ")


def test_a_gain_can_be_asked_for():
    params = PromoteParams(min_gain=0.06)
    assert decide(result(low=0.05), [], COPIES, params)[0] is False
    assert decide(result(low=0.07), [], COPIES, params)[0] is True


def test_a_model_gains_nothing_over_itself(folders):
    one, other = load_generator(folders[0]), load_generator(folders[1])
    exam = Exam("test", one.training_loops[:8], 3)
    same = examine(
        {"challenger": one, "champion": one},
        exam,
        fit_baselines(one.training_loops),
        make_rng(0, "x"),
    )
    assert (same.gain, same.low, same.high) == (0, 0, 0)
    there = examine(
        {"challenger": one, "champion": other},
        exam,
        fit_baselines(one.training_loops),
        make_rng(0, "x"),
    )
    back = examine(
        {"challenger": other, "champion": one},
        exam,
        fit_baselines(one.training_loops),
        make_rng(0, "x"),
    )
    assert there.gain == pytest.approx(-back.gain)
    assert there.low == pytest.approx(-back.high)
    assert there.low <= there.gain <= there.high
    assert there.describe()["learned"] == 3
    assert set(there.bits) == {
        "challenger",
        "champion",
        "lag_copy",
        "ngram",
        "position",
        "repeat_bar",
        "uniform",
    }
    assert 0 <= measure_copies(one, 4, 0) <= 1


@pytest.mark.slow
def test_the_command_says_which_model_it_uses_and_where_loops_come_from(tmp_path, folders):
    def run(*arguments):
        done = run_trapgen(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done

    first = promote(tmp_path / MODELS, folders[0])
    made = run("generate", "--out", "one", "--loops", "1", "--bars", "1")
    assert f"model: {MODELS / first} (champion)" in made.stderr
    second = promote(tmp_path / MODELS, folders[1])
    promote(tmp_path / MODELS, folders[2])
    made = run("generate", "--out", "two", "--loops", "1", "--bars", "1")
    assert f"model: {MODELS / read_champion(tmp_path / MODELS)} (champion)" in made.stderr
    roll_back(tmp_path / MODELS, "by hand")
    made = run("generate", "--out", "three", "--loops", "1", "--bars", "1")
    assert f"model: {MODELS / second} (champion)" in made.stderr
    # A loop made two champions ago is traced, and made again by the model that made it.
    (loop,) = (tmp_path / "one").glob("*.mid")
    traced = run("lineage", loop.relative_to(tmp_path)).stdout
    assert f"version: {first}" in traced
    assert "event promoted" in traced
    again = run("regenerate", loop.with_suffix(".json"), "--out", "again")
    assert f"model: {MODELS / first} (the loop's)" in again.stderr
    assert (tmp_path / "again" / loop.name).read_bytes() == loop.read_bytes()


def test_a_model_alone_has_no_gain(folders):
    one = load_generator(folders[0])
    exam = Exam("Friends", one.training_loops[:4])
    alone = examine(
        {"model": one}, exam, fit_baselines(one.training_loops), make_rng(0, "x"), style="trap"
    )
    assert set(alone.bits) == {"model", *NAMES}
    assert alone.describe().keys() == {"loops", "learned", "model", *NAMES}


@pytest.mark.slow
def test_the_operators_command_works_in_a_checkout_with_spaces_and_says_where_else(tmp_path):
    command = Path(sys.executable).with_name("trapgen-ops")
    if not command.is_file():
        pytest.skip("trapgen-ops is not installed beside this Python")
    done = subprocess.run([command, "ledger"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "run trapgen-ops in a checkout" in done.stderr
    place = tmp_path / "my beats (2)"
    for name in ("tasks", "trapgen"):
        ignore = shutil.ignore_patterns("__pycache__", "factory")
        shutil.copytree(ROOT / name, place / name, ignore=ignore)
    done = subprocess.run([command, "ledger"], cwd=place, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "in use: the packaged model (no other)\n")
