"""Summary of a run: results, and where to find them (`python -m tasks.summary`)."""

from pathlib import Path
from typing import Any

from tasks.git import list_changed, read_committed
from tasks.places import AUDIT, CHECKS, MODEL, PACKS, REPORTS, SAMPLES, TRACKING
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
        f"  data checks      {CHECKS}/index.html  every run with its date, and failing rows",
    ]
    for side, bits in metrics["bits_per_step"].items():
        lines.append(
            f"  model            {MODEL}/  {bits['model']:.3f} bits per step on {side}; "
            f"best baseline {bits['lag_copy']:.3f}"
        )
    lines += [
        f"  evaluation       {REPORTS}/report.html",
        f"  MLflow           {TRACKING}/  `make ui` opens the runs with models and samples",
        *(f"  git              {line}" for line in describe_changes(root)),
        "",
    ]
    return "\n".join(lines)


def describe_changes(root: Path) -> list[str]:
    """A line a tracked file that runs write, and that differs from the commit."""
    changed = list_changed(root, "dvc.lock", "data", f":!{PACKS}")
    lines = [f"{path} has changed; commit it to keep it" for path in changed if path != "dvc.lock"]
    if "dvc.lock" in changed:
        lines.append(_describe_lock(root))
    return lines


def _describe_lock(root: Path) -> str:
    """Of which stages the lock has other outputs than the committed one, and what that means."""
    before, after = (_read_outputs(text) for text in _read_locks(root))
    stages = [name for name, outs in after.items() if outs != before.get(name)]
    if not stages:
        return "dvc.lock has changed, and no output has: commit it"
    return (
        f"dvc.lock has changed: other outputs of {', '.join(stages)} than at the last commit. "
        "Without a change of yours it is rounding on another processor. "
        "`git commit dvc.lock` keeps the new results, `git checkout dvc.lock` lets go of them"
    )


def _read_locks(root: Path) -> tuple[str, str]:
    """The committed and the present lock."""
    return read_committed(root, "dvc.lock"), (root / "dvc.lock").read_text(encoding="utf-8")


def _read_outputs(lock: str) -> dict[str, dict[str, Any]]:
    """The hash of every output, by stage."""
    import yaml

    stages = (yaml.safe_load(lock) or {}).get("stages", {})
    return {
        name: {out["path"]: out.get("md5") for out in stage.get("outs", ())}
        for name, stage in stages.items()
    }


if __name__ == "__main__":
    print(describe(Path.cwd()))
