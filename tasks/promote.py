"""Champion and challenger: judge the candidate in `data/model`, and put it to use if it is better.

This is no stage of `dvc.yaml`: what it writes, `data/models`, is a history, which no rebuild may
repeat.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.evaluate import read_components
from tasks.places import AUDIT, ENCODED, MODEL, OUTSIDE, SPLIT, read_params
from trapgen.core import SPLIT as SPLIT_SCHEMA
from trapgen.core import DrumLoop, Params, make_rng, read_json, read_loops, read_table
from trapgen.dataset import find_learned
from trapgen.evaluate import Exam, Result, decide, examine, measure_copies
from trapgen.generate import Generator, load_generator
from trapgen.ingest import read_collection
from trapgen.model import (
    DECLINED,
    MODELS,
    PROMOTED,
    add_to_ledger,
    name_version,
    prune,
    read_champion,
    read_ledger,
    settle,
    store_version,
)

VERSION = "1"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision on the candidate.

    Attributes:
        event: `promoted`, `declined`, or `judged before`.
        version: The candidate.
        champion: The model in use after it.
        reason: Why, in one sentence.
    """

    event: str
    version: str
    champion: str
    reason: str

    def __str__(self) -> str:
        return f"{self.version} {self.event}: {self.reason}"


def run(root: Path, *, again: bool = False) -> Verdict:
    """Judge `data/model` against the champion; add a row to `data/models/ledger.csv`.

    Args:
        root: The checkout.
        again: Judge it even if it was judged before on the same data.

    Raises:
        TableError: The pipeline has not run to its end.
        ModelError: There is no model.
    """
    params = read_params(root)
    models = root / MODELS
    settle(models)
    state = _read_state(root)
    version, champion = name_version(root / MODEL), read_champion(models)
    same = (version, state["data"])
    known = [row for row in read_ledger(models) if (row["version"], row["data"]) == same]
    if version == champion or (known and not again):
        reason = "it is the champion" if version == champion else known[-1]["reason"]
        return _say(Verdict("judged before", version, champion, reason))
    store_version(models, root / MODEL)
    row = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version,
        "previous": champion,
        **state,
    }
    promoted, reason, figures = _judge(root, params, models, champion, state["gate"])
    event = PROMOTED if promoted else DECLINED
    now = version if promoted else champion
    add_to_ledger(models, {**row, **figures, "event": event, "champion": now, "reason": reason})
    prune(models, params.promote.keep_versions, params.promote.keep_days)
    return _say(Verdict(event, version, now, reason))


def _say(verdict: Verdict) -> Verdict:
    print(f"promote: {verdict}")
    return verdict


def _read_state(root: Path) -> dict[str, str]:
    """What a decision rests on: exam, gate, data, commit and start model."""
    summary = read_json(root / AUDIT / "summary.json")
    lineage = read_json(root / MODEL / "lineage.json")
    split = read_table(root / SPLIT / "split.parquet", SPLIT_SCHEMA)
    return {
        "exam": str(split["exam"].iloc[0]),
        "gate": summary["gate"],
        "data": lineage["data"],
        "commit": _read_commit(root),
        "start": (lineage["start"] or {}).get("version", ""),
    }


def _read_commit(root: Path) -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _judge(
    root: Path, params: Params, models: Path, champion: str, gate: str
) -> tuple[bool, str, dict[str, str]]:
    """The decision, its reason, and the ledger's figures."""
    if gate != "pass":
        reasons = read_json(root / AUDIT / "summary.json")["reasons"]
        return False, f"the audit's gate refused: {'; '.join(reasons)}", {}
    if not champion:
        return True, "the first model", {}
    challenger, holder = load_generator(root / MODEL), load_generator(models / champion)
    grids = [each.network.spec.steps_per_bar for each in (challenger, holder)]
    if grids[0] != grids[1]:
        reason = f"a new series: {grids[0]} steps per bar, the champion has {grids[1]}"
        return True, reason, {}
    test, outside = _list_exams(root, params, challenger, holder)
    if len(test.loops) < params.promote.min_test_loops:
        return (
            True,
            (
                f"a new series: the two have learned {test.n_learned} of the "
                f"{len(test.loops) + test.n_learned} test loops, too many to compare them"
            ),
            {},
        )
    train = _list_first_data(models)
    components = read_components(root)
    results = [
        examine(
            challenger,
            holder,
            exam,
            train,
            make_rng(params.seed, f"promote {exam.name}"),
            style=params.train.style,
            components=components,
        )
        for exam in (test, *outside)
        if exam.loops
    ]
    copies = {
        name: measure_copies(model, params.promote.generated_loops, params.seed)
        for name, model in (("challenger", challenger), ("champion", holder))
    }
    promoted, reason = decide(results[0], results[1:], copies, params.promote)
    return promoted, reason, _write_figures(results[0], results[1:], copies)


def _write_figures(
    test: Result, outside: Sequence[Result], copies: Mapping[str, float]
) -> dict[str, str]:
    bits = dict(test.describe())
    others = {name: bits[name] for name in test.bits if name not in ("challenger", "champion")}
    figures: dict[str, Any] = {
        "bits_test": bits["challenger"],
        "champion_bits_test": bits["champion"],
        "gain": bits["gain"],
        "gain_low": bits["low"],
        "gain_high": bits["high"],
        "copies": round(copies["challenger"], 4),
        "champion_copies": round(copies["champion"], 4),
        "outside": json.dumps({result.name: result.describe() for result in outside}),
        "baselines": json.dumps(others),
    }
    return {key: str(value) for key, value in figures.items()}


def _list_exams(
    root: Path, params: Params, challenger: Generator, champion: Generator
) -> tuple[Exam, list[Exam]]:
    """The clean test and the sets from outside, without what one of the models has learned."""
    learned = [*challenger.training_loops, *champion.training_loops]

    def clean(name: str, loops: Sequence[DrumLoop]) -> Exam:
        known = set(find_learned(loops, learned, params.audit.near_duplicate_distance))
        left = [loop for at, loop in enumerate(loops) if at not in known]
        return Exam(name, left, len(known))

    test = clean("test", [loop for _, loop in read_loops(root / ENCODED, ("test",))])
    reading = replace(params.standardize, steps_per_bar=challenger.network.spec.steps_per_bar)
    outside = [
        clean(name, read_collection(root / OUTSIDE / name, reading)[0])
        for name in params.evaluate.outside
    ]
    return test, outside


def _list_first_data(models: Path) -> list[DrumLoop]:
    """Training loops of the first champion that is still here: baselines fitted on them stay."""
    versions = [row["version"] for row in read_ledger(models) if row["event"] == PROMOTED]
    first = next(version for version in versions if (models / version).is_dir())
    return [loop for side, loop in read_loops(models / first) if side == "train"]
