"""Write the loops that survived the audit as text, and what sampling needs beside it."""

from pathlib import Path

from tasks.checks.docs import TEXT_DOCS
from tasks.checks.text import check_text
from tasks.places import AUDIT, AUGMENTED, ENCODED, read_params
from trapgen.core import SIDES, Codec, write_lines
from trapgen.dataset import load_augmented, write_performances
from trapgen.generate import save_reference

VERSION = "4"


def run(root: Path) -> None:
    """Read `data/augmented` and `data/audit`, write `data/encoded` and the Data Docs of its checks.

    Raises:
        GateRefusedError: The text that was written breaks a rule.
    """
    steps_per_bar = read_params(root).grid.steps_per_bar
    sided = load_augmented(root / AUGMENTED, root / AUDIT / "survivors.parquet")
    folder = root / ENCODED
    for side in SIDES:
        loops = [loop for at, loop in sided if at == side]
        write_lines(folder / f"{side}.txt", loops)
        write_performances(folder / f"{side}.npz", loops)
    train = [loop for side, loop in sided if side == "train"]
    Codec(steps_per_bar).save(folder / "codec.json")
    held_out = [loop for side, loop in sided if side != "train"]
    save_reference(folder / "reference.npz", train, held_out)
    n_steps = sum(loop.n_steps for loop in train)
    print(f"encode: {len(sided)} loops, {n_steps:,} steps to train on")
    found = check_text(folder, sided, steps_per_bar, root / AUDIT / TEXT_DOCS)
    found.enforce("encode", "the check of the encoded text")
