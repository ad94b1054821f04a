"""Judge the model, draw the plots and write the page."""

from pathlib import Path

from tasks.places import AUDIT, AUGMENTED, MODEL, REPORTS, SAMPLES, read_params
from tasks.tracking import track_evaluation
from trapgen import plot
from trapgen.augment import load_augmented
from trapgen.codec import to_words
from trapgen.evaluate import evaluate
from trapgen.generate import load_generator
from trapgen.loop import DrumLoop
from trapgen.metrics import collect_features
from trapgen.report import write_evaluation_report
from trapgen.store import read_json, write_json
from trapgen.train import describe_learning, measure_distances, read_history

VERSION = "2"

_CURVES = ("train", "validation", "control_loss")


def run(root: Path) -> None:
    """Read the model, the samples and what the audit cleared; write `data/reports`."""
    params = read_params(root)
    generator = load_generator(root / MODEL)
    sides: dict[str, list[DrumLoop]] = {}
    for side, loop in load_augmented(root / AUGMENTED, root / AUDIT / "survivors.parquet"):
        sides.setdefault(side, []).append(loop)
    summary = read_json(root / AUDIT / "summary.json")
    metrics, drawn = evaluate(generator, sides, summary, params.evaluate, params.seed)
    history = read_history(root / MODEL / "history.csv")
    words = {side: [to_words(loop) for loop in sides[side]] for side in ("train", "validation")}
    steps_per_bar = generator.network.spec.steps_per_bar
    distances = measure_distances(words["validation"], words["train"], steps_per_bar)
    metrics["learning"] = learning = describe_learning(history, distances)
    folder = root / REPORTS
    write_json(folder / "metrics.json", metrics)
    pictures = {name: folder / f"{name}.png" for name in ("history", "bits", "overlap", "features")}
    curves = {name: [getattr(epoch, name) for epoch in history] for name in _CURVES}
    plot.draw_history(curves, pictures["history"], best_epoch=learning["best_epoch"])
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
    print(
        f"evaluate: a control that leaks on purpose shows {learning['control_loss']:.3f} where "
        f"clean validation has {learning['validation']:.3f}; the gap is {learning['leak_gap']:.3f}"
    )
    print(f"evaluate: {metrics['bar_accuracy']:.1%} of bars closed at the right step, unaided")
