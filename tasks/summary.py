"""Summary of a run: results, and where to find them (`python -m tasks.summary`)."""

from pathlib import Path

from tasks.places import AUDIT, MODEL, REPORTS, SAMPLES, TRACKING
from trapgen.core import read_json


def describe(root: Path) -> str:
    """A few lines about the newest results.

    Raises:
        TableError: The pipeline has not run to its end.
    """
    summary = read_json(root / AUDIT / "summary.json")
    metrics = read_json(root / REPORTS / "metrics.json")
    chance = summary["chance_overlap"]
    samples = sorted((root / SAMPLES).glob("*.mid"))
    lines = [
        "",
        f"  new loops        {SAMPLES}/  {len(samples)} as .mid, .wav and .png, with receipts",
        f"  overlap report   {AUDIT}/report.html  {summary['gate']}: "
        f"{summary['exact_bar_overlap']:.2%} of held-out bars occur in train; "
        f"chance explains up to {chance['high']:.2%}",
    ]
    for side, bits in metrics["bits_per_step"].items():
        lines.append(
            f"  model            {MODEL}/  {bits['model']:.3f} bits per step on {side}; "
            f"n-gram {bits['ngram']:.3f}"
        )
    lines += [
        f"  evaluation       {REPORTS}/report.html",
        f"  MLflow           {TRACKING}/  `make ui` opens the runs with models and samples",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(describe(Path.cwd()))
