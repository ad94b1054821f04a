"""Judge the model, draw the plots and write the page."""

import csv
from pathlib import Path

from tasks.places import AUDIT, AUGMENTED, MODEL, REPORTS, SAMPLES, read_params
from tasks.tracking import track_evaluation
from trapgen import plot
from trapgen.augment import load_augmented
from trapgen.evaluate import evaluate
from trapgen.generate import load_generator
from trapgen.loop import DrumLoop
from trapgen.metrics import collect_features
from trapgen.report import write_evaluation_report
from trapgen.store import read_json, write_json

VERSION = "1"


def run(root: Path) -> None:
    """Read the model, the samples and what the audit cleared; write `data/reports`."""
    params = read_params(root)
    generator = load_generator(root / MODEL)
    sides: dict[str, list[DrumLoop]] = {}
    for side, loop in load_augmented(root / AUGMENTED, root / AUDIT / "survivors.parquet"):
        sides.setdefault(side, []).append(loop)
    summary = read_json(root / AUDIT / "summary.json")
    metrics, drawn = evaluate(generator, sides, summary, params.evaluate, params.seed)
    folder = root / REPORTS
    write_json(folder / "metrics.json", metrics)
    with (root / MODEL / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    history = {side: [float(row[side]) for row in rows] for side in ("train", "validation")}
    best = 1 + min(range(len(rows)), key=lambda at: history["validation"][at])
    pictures = {name: folder / f"{name}.png" for name in ("history", "bits", "overlap", "features")}
    plot.draw_history(history, pictures["history"], best_epoch=best)
    side, bits = next(iter(metrics["bits_per_step"].items()))
    plot.draw_bits(bits, pictures["bits"], title=f"Bits per step on clean {side}")
    chance = summary["chance_overlap"]
    plot.draw_overlap(
        summary["exact_bar_overlap"],
        chance["mean"],
        chance["low"],
        chance["high"],
        pictures["overlap"],
    )
    plot.draw_features(
        collect_features(sides["train"]), collect_features(drawn), pictures["features"]
    )
    samples = [
        {"name": path.stem, "picture": path.with_suffix(".png"), "receipt": read_json(path)}
        for path in sorted((root / SAMPLES).glob("*.json"))
    ]
    write_evaluation_report(folder / "report.html", metrics, summary, pictures, samples)
    track_evaluation(root, generator.model_hash, metrics, folder)
    for side, bits in metrics["bits_per_step"].items():
        change = bits["model"] / bits["ngram"] - 1
        print(
            f"evaluate: {bits['model']:.3f} bits per step on clean {side}, {abs(change):.0%} "
            f"{'above' if change > 0 else 'below'} the n-gram's {bits['ngram']:.3f}"
        )
    print(f"evaluate: {metrics['bar_accuracy']:.1%} of bars closed at the right step, unaided")
