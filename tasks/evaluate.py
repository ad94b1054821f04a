"""Evaluate the model, draw the figures and write the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.outside import read_outside
from tasks.places import AUDIT, ENCODED, MODEL, REPORTS, SAMPLES, SPLIT, STANDARDIZED, read_params
from tasks.tracking.results import track_evaluation
from trapgen import render
from trapgen.core import MANIFEST, DrumLoop, read_json, read_loops, read_table, to_words, write_json
from trapgen.core import SPLIT as SPLIT_SCHEMA
from trapgen.evaluate import LEAST_RATIO, collect_features, evaluate, group_features, pick_headline
from trapgen.generate import load_generator
from trapgen.model import ModelSpec, Tokens, name_loop, number_conditions
from trapgen.model.training import describe_learning, measure_distances, read_history
from trapgen.report import RELIABILITY, write_curves, write_evaluation_report

VERSION = "6"

_CURVES = ("train", "validation", "control_loss")


def run(root: Path) -> None:
    """Read the model, samples and audited data; write `data/reports`."""
    params = read_params(root)
    generator = load_generator(root / MODEL)
    sides: dict[str, list[DrumLoop]] = {}
    for side, loop in read_loops(root / ENCODED):
        sides.setdefault(side, []).append(loop)
    summary = read_json(root / AUDIT / "summary.json")
    steps_per_bar = generator.network.spec.steps_per_bar
    metrics, drawn = evaluate(
        generator,
        sides,
        summary,
        params.evaluate,
        params.seed,
        conditions=_tell(generator.network.spec, sides, params.train.style),
        components=read_components(root),
        outside=read_outside(root, params, generator.training_loops, steps_per_bar),
    )
    history = read_history(root / MODEL / "history.csv")
    words = {side: [to_words(loop) for loop in sides[side]] for side in ("train", "validation")}
    distances = measure_distances(words["validation"], words["train"], steps_per_bar)
    metrics["learning"] = learning = describe_learning(history, distances)
    folder = root / REPORTS
    write_curves(folder / "curves", metrics)
    curves = {name: [getattr(epoch, name) for epoch in history] for name in _CURVES}
    pictures = {"history": folder / "history.png"}
    render.draw_history(curves, pictures["history"], best_epoch=learning["best_epoch"])
    pictures |= _draw_pictures(folder, metrics, sides["train"], drawn)
    samples = [
        {"name": path.stem, "picture": path.with_suffix(".png"), "receipt": read_json(path)}
        for path in sorted((root / SAMPLES).glob("*.json"))
    ]
    # The rows of curves are in tables of their own.
    del metrics["curves"]
    headline = pick_headline(metrics, steps_per_bar)
    write_json(folder / "metrics.json", headline)
    write_json(folder / "details.json", metrics)
    groups = group_features(metrics["overlap"])
    write_evaluation_report(folder / "report.html", metrics, summary, pictures, samples, groups)
    track_evaluation(root, generator.model_hash, headline, folder)
    _say(metrics)


def _tell(
    spec: ModelSpec, sides: Mapping[str, Sequence[DrumLoop]], base: str
) -> dict[str, Tokens] | None:
    """Condition inputs of each split's loops, as in training; None without conditions."""
    if not spec.conditions:
        return None
    return {
        side: number_conditions(
            [name_loop(loop.lineage.style, loop.bpm, base=base) for loop in loops], spec
        )
        for side, loops in sides.items()
    }


def read_components(root: Path) -> dict[str, int]:
    """The group of related sources of each source, by its id."""
    manifest = read_table(root / STANDARDIZED / "manifest.parquet", MANIFEST)
    split = read_table(root / SPLIT / "split.parquet", SPLIT_SCHEMA)
    of_loop = dict(zip(split["loop_id"], split["component"].tolist(), strict=True))
    return {
        source: of_loop[loop_id]
        for loop_id, sources in zip(manifest["loop_id"], manifest["source_ids"], strict=True)
        for source in sources
    }


def _draw_pictures(
    folder: Path, metrics: Mapping[str, Any], train: Sequence[DrumLoop], drawn: Sequence[DrumLoop]
) -> dict[str, Path]:
    names = ("calibration", "covers", "features", "distances")
    pictures = {name: folder / f"{name}.png" for name in names}
    tables = {
        of: [
            (row["predicted"], row["observed"])
            for row in metrics["curves"]["reliability"]
            if row["of"] == of
        ]
        for of in RELIABILITY
    }
    render.draw_reliability(tables, pictures["calibration"])
    covers = {
        name: (cover["ratio"], cover["low"], cover["high"])
        for name, cover in metrics["overlap"].items()
    }
    render.draw_covers(covers, LEAST_RATIO, pictures["covers"])
    distances = {
        of: [row["distance"] for row in metrics["curves"]["distances"] if row["of"] == of]
        for of in ("generated", "held_out")
    }
    render.draw_distances(distances, pictures["distances"])
    render.draw_features(collect_features(train), collect_features(drawn), pictures["features"])
    return pictures


def _say(metrics: Mapping[str, Any]) -> None:
    for side, bits in metrics["bits_per_step"].items():
        change = bits["model"] / bits["lag_copy"] - 1
        bounds = metrics["bits_interval"][side]["model"]
        print(
            f"evaluate: {bits['model']:.3f} bits per step on clean {side} "
            f"({bounds['low']:.3f} to {bounds['high']:.3f}), {abs(change):.0%} "
            f"{'above' if change > 0 else 'below'} lag_copy's {bits['lag_copy']:.3f}"
        )
    for name, exam in metrics["outside"].items():
        if exam["loops"]:
            bits = exam["bits_per_step"]
            print(
                f"evaluate: {bits['model']:.3f} bits per step on {name}, {exam['loops']} loops "
                f"from outside; lag_copy {bits['lag_copy']:.3f}"
            )
    learning = metrics["learning"]
    print(
        f"evaluate: a control that leaks on purpose shows {learning['control_loss']:.3f} where "
        f"clean validation has {learning['validation']:.3f}; the gap is {learning['leak_gap']:.3f}"
    )
    print(f"evaluate: {metrics['bar_accuracy']:.1%} of bars closed at the right step, unaided")
    missed = [name for name, goal in metrics["goals"].items() if not goal["holds"]]
    held = len(metrics["goals"]) - len(missed)
    words = f"; not {', '.join(missed)}" if missed else ""
    print(f"evaluate: {held} of {len(metrics['goals'])} goals met{words}")
