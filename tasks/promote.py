"""Champion and challenger: judge the candidate in `data/model`, and put it to use if it is better.

This is no stage of `dvc.yaml`: what it writes, `data/models`, is a history, which no rebuild may
repeat.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tasks.evaluate import read_components
from tasks.git import read_commit
from tasks.outside import clean_exam, read_outside
from tasks.places import AUDIT, ENCODED, MODEL, SPLIT, read_params
from tasks.registry import mirror_ledger
from trapgen.core import OVERLAP, DrumLoop, Params, make_rng, read_json, read_loops, read_table
from trapgen.core import SPLIT as SPLIT_SCHEMA
from trapgen.evaluate import Exam, Result, decide, examine, fit_baselines, measure_copies
from trapgen.generate import Generator, load_generator
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

VERSION = "2"

_LISTED: Final = 20
"""Pairs that the description of a refusal lists."""


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
    champion = read_champion(models)
    if not again and (known := find_decision(root)):
        mirror_ledger(root)
        return _say(Verdict("judged before", known["version"], champion, known["reason"]))
    state, version = _read_state(root), name_version(root / MODEL)
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
    mirror_ledger(root)
    return _say(Verdict(event, version, now, reason))


def find_decision(root: Path) -> dict[str, str] | None:
    """The ledger's row about the candidate and its data; None if it was not judged yet.

    Raises:
        ModelError: There is no candidate.
        TableError: It has no lineage.
    """
    same = (name_version(root / MODEL), read_json(root / MODEL / "lineage.json")["data"])
    rows = read_ledger(root / MODELS)
    return next((row for row in rows if (row["version"], row["data"]) == same), None)


def describe_refusal(root: Path) -> str:
    """Why the audit's gate refused, and the pairs of loops that it found, as Markdown.

    Raises:
        TableError: The audit has not run.
    """
    reasons = read_json(root / AUDIT / "summary.json")["reasons"]
    overlap = read_table(root / AUDIT / "overlap.parquet", OVERLAP)
    whole = overlap[overlap["kind"].isin(("shared_source", "exact_loop", "near_loop"))]
    lines = [*(f"- {reason}" for reason in reasons), ""]
    if len(whole):
        lines += [
            "| held-out loop | split | training loop | what they share |",
            "|---|---|---|---|",
        ]
    for row in whole.head(_LISTED).to_dict("records"):
        kind = str(row["kind"]).replace("_", " ")
        lines.append(f"| {row['other_loop']} | {row['side']} | {row['train_loop']} | {kind} |")
    if len(whole) > _LISTED:
        lines.append(f"\nThe first {_LISTED} of {len(whole):,}: data/audit/report.html lists more.")
    return "\n".join(lines)


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
        "commit": read_commit(root),
        "start": (lineage["start"] or {}).get("version", ""),
    }


def _judge(
    root: Path, params: Params, models: Path, champion: str, gate: str
) -> tuple[bool, str, dict[str, str]]:
    """The decision, its reason, and the ledger's figures."""
    if gate != "pass":
        reasons = read_json(root / AUDIT / "summary.json")["reasons"]
        return False, f"the audit's gate refused: {'; '.join(reasons)}", {}
    names = {"challenger": root / MODEL} | ({"champion": models / champion} if champion else {})
    judged = {name: load_generator(folder) for name, folder in names.items()}
    grids = [each.network.spec.steps_per_bar for each in judged.values()]
    if len(set(grids)) > 1:
        reason = f"a new series: {grids[0]} steps per bar, the champion has {grids[1]}"
        return True, reason, {}
    test, outside = _list_exams(root, params, judged)
    if len(test.loops) < params.promote.min_test_loops:
        return True, _begin_series(test, is_first=not champion), {}
    baselines = fit_baselines(_list_first_data(models, root / MODEL))
    components = read_components(root)
    results = [
        examine(
            judged,
            exam,
            baselines,
            make_rng(params.seed, f"promote {exam.name}"),
            # Nothing says what style the loops from outside have.
            style=params.train.style if exam is test else "",
            components=components,
        )
        for exam in (test, *outside)
        if exam.loops
    ]
    copies = {
        name: measure_copies(model, params.promote.generated_loops, params.seed)
        for name, model in judged.items()
    }
    figures = _write_figures(results[0], results[1:], copies)
    if not champion:
        return True, "the first model", figures
    return *decide(results[0], results[1:], copies, params.promote), figures


def _begin_series(test: Exam, *, is_first: bool) -> str:
    if is_first:
        return "the first model"
    n_all = len(test.loops) + test.n_learned
    return (
        f"a new series: the two have learned {test.n_learned} of the {n_all} test loops, too many "
        "to compare them"
    )


def _write_figures(
    test: Result, outside: Sequence[Result], copies: Mapping[str, float]
) -> dict[str, str]:
    bits = test.describe()
    others = {name: bits[name] for name in test.bits if name not in copies}
    figures: dict[str, Any] = {
        "bits_test": bits["challenger"],
        "champion_bits_test": bits.get("champion", ""),
        "gain": bits.get("gain", ""),
        "gain_low": bits.get("low", ""),
        "gain_high": bits.get("high", ""),
        "copies": round(copies["challenger"], 4),
        "champion_copies": round(copies["champion"], 4) if "champion" in copies else "",
        "outside": json.dumps({result.name: result.describe() for result in outside}),
        "baselines": json.dumps(others),
    }
    return {key: str(value) for key, value in figures.items()}


def _list_exams(
    root: Path, params: Params, models: Mapping[str, Generator]
) -> tuple[Exam, list[Exam]]:
    """The clean test and the sets from outside, without what one of the models has learned."""
    learned = [loop for model in models.values() for loop in model.training_loops]
    loops = [loop for _, loop in read_loops(root / ENCODED, ("test",))]
    test = clean_exam("test", loops, learned, params.audit.near_duplicate_distance)
    grid = models["challenger"].network.spec.steps_per_bar
    return test, read_outside(root, params, learned, grid)


def _list_first_data(models: Path, candidate: Path) -> list[DrumLoop]:
    """Training loops of the first champion that is still here, on which the baselines stay fitted.

    The first model's are its own.
    """
    versions = [row["version"] for row in read_ledger(models) if row["event"] == PROMOTED]
    folders = [models / version for version in versions if (models / version).is_dir()]
    loops = read_loops([*folders, candidate][0])
    return [loop for side, loop in loops if side == "train"]
