"""Champion and challenger on a checkout that the pipeline has built."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tasks import promote
from tests.tasks.checkout import change_params, run, run_process
from trapgen.core import read_json, read_loops, write_json
from trapgen.midi import write_loop
from trapgen.model import (
    DECLINED,
    MODELS,
    PROMOTED,
    ROLLED_BACK,
    Network,
    find_model_in_use,
    load_network,
    name_version,
    read_champion,
    read_ledger,
    save_network,
)
from trapgen.similarity import load_training_index, save_training_index

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def spoil(folder: Path, scale: float) -> None:
    """Make the candidate worse: noise on its weights."""
    network, rng = load_network(folder), np.random.default_rng(0)
    weights = {
        name: array + rng.normal(0, scale, array.shape).astype(np.float32)
        for name, array in network.weights.items()
    }
    save_network(folder, Network(network.spec, weights))


def test_a_better_model_is_promoted_and_a_worse_one_declined(checkout: Path, capsys) -> None:
    good = shutil.copytree(checkout / "data/model", checkout / "good")
    spoil(checkout / "data/model", 0.6)
    first = promote.run(checkout)
    assert (first.event, first.reason) == (PROMOTED, "the first model")
    # The same candidate is not judged twice.
    assert promote.run(checkout).event == "judged before"
    shutil.rmtree(checkout / "data/model")
    shutil.copytree(good, checkout / "data/model")
    second = promote.run(checkout)
    assert second.event == PROMOTED, second.reason
    assert second.reason.startswith("better: ")
    spoil(checkout / "data/model", 0.6)
    spoil(checkout / "data/model", 0.1)
    third = promote.run(checkout)
    assert third.event == DECLINED
    assert third.reason.startswith("not better by more than its interval")
    assert read_champion(checkout / MODELS) == second.version == name_version(good)
    rows = read_ledger(checkout / MODELS)
    assert [row["event"] for row in rows] == [PROMOTED, PROMOTED, DECLINED]
    assert float(rows[1]["gain_low"]) > 0 > float(rows[2]["gain"])
    assert {"lag_copy", "ngram"} <= json.loads(rows[1]["baselines"]).keys()
    assert rows[1]["baselines"] == rows[2]["baselines"]
    assert "promote: " in capsys.readouterr().out
    # What a declined model was is kept for lineage.
    assert (checkout / MODELS / third.version / "lineage.json").is_file()


def test_a_refused_gate_leaves_the_champion(checkout: Path) -> None:
    first = promote.run(checkout)
    spoil(checkout / "data/model", 0.01)
    path = checkout / "data/audit/summary.json"
    reasons = ["7 pairs across splits share a source"]
    write_json(path, {**read_json(path), "gate": "refuse", "reasons": reasons})
    verdict = promote.run(checkout)
    assert verdict.event == DECLINED
    assert reasons[0] in verdict.reason
    assert find_model_in_use(checkout) == (checkout / MODELS / first.version, "champion")


def test_loops_that_the_champion_has_learned_are_no_test(checkout: Path) -> None:
    """A champion that learned the test loops does not win by it: another series begins."""
    candidate = checkout / "data/model"
    honest = shutil.copytree(candidate, checkout / "honest")
    tested = [loop for _, loop in read_loops(checkout / "data/encoded", ("test",))]
    index = load_training_index(candidate)
    save_training_index(candidate, [*index.loops, *tested], index.held_out.tolist())
    promote.run(checkout)
    shutil.rmtree(candidate)
    shutil.copytree(honest, candidate)
    verdict = promote.run(checkout)
    assert verdict.event == PROMOTED
    assert verdict.reason.startswith(f"a new series: the two have learned {len(tested)} of ")


def test_loops_from_outside_are_an_exam_and_what_was_learned_of_them_is_left_out(
    checkout: Path,
) -> None:
    loops = read_loops(checkout / "data/encoded", ("train", "validation"))
    known = [loop for side, loop in loops if side == "train"][:3]
    others = [loop for side, loop in loops if side == "validation"][:5]
    for number, loop in enumerate([*known, *others]):
        write_loop(checkout / f"data/outside/Friends/{number}.mid", loop)
    change_params(checkout, {"evaluate": {"outside": ["Friends"]}})
    promote.run(checkout)
    spoil(checkout / "data/model", 0.3)
    promote.run(checkout)
    outside = json.loads(read_ledger(checkout / MODELS)[-1]["outside"])
    assert outside["Friends"]["learned"] == 3
    assert outside["Friends"]["loops"] == 5


def test_rollback_takes_effect_at_once_and_is_a_row(checkout: Path) -> None:
    good = shutil.copytree(checkout / "data/model", checkout / "good")
    spoil(checkout / "data/model", 0.6)
    first = promote.run(checkout)
    assert run_process(checkout, "tasks.ops", "rollback").returncode == 3
    shutil.rmtree(checkout / "data/model")
    shutil.copytree(good, checkout / "data/model")
    second = promote.run(checkout)
    assert second.event == PROMOTED
    assert first.version in run(checkout, "tasks.ops", "rollback", "--reason", "too busy")
    assert find_model_in_use(checkout) == (checkout / MODELS / first.version, "champion")
    # What was rolled back from is not promoted again by the next run over the same data.
    assert promote.run(checkout).event == "judged before"
    said = run(checkout, "tasks.ops", "ledger").splitlines()
    assert said[-2].endswith(f"{second.version}  rolled back: too busy")
    assert said[-1] == f"in use: {checkout / MODELS / first.version} (champion)"
    traced = run(checkout, "trapgen.cli", "lineage", f"data/models/{second.version}", "--json")
    model = json.loads(traced)["model"]
    assert model["parameters"]["train"]["units"] == 16
    assert [row["event"] for row in model["reign"]] == [PROMOTED, ROLLED_BACK]
    source = read_loops(checkout / "data/encoded", ("train",))[0][1].lineage.source_ids[0]
    learned = json.loads(run(checkout, "trapgen.cli", "lineage", source, "--json"))["learned_by"]
    assert {each["version"] for each in learned} == {first.version, second.version}
