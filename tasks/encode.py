"""Write the loops that the audit kept as text and as tables, and the training index."""

from pathlib import Path

from tasks.checks.text import check_text
from tasks.places import AUDIT, AUGMENTED, CHECKS, ENCODED, find_start, read_params
from trapgen.core import (
    SIDES,
    SURVIVORS,
    Codec,
    read_loops,
    read_table,
    write_json,
    write_lines,
    write_loops,
)
from trapgen.similarity import list_learned, measure_novelty

VERSION = "7"


def run(root: Path) -> None:
    """Read `data/augmented` and `data/audit`, write `data/encoded`; `data/checks` keeps the checks.

    Raises:
        GateRefusedError: The written text breaks a rule.
    """
    params = read_params(root)
    steps_per_bar = params.grid.steps_per_bar
    start = find_start(root, params)
    decisions = read_table(root / AUDIT / "survivors.parquet", SURVIVORS)
    kept = set(decisions.loc[decisions["kept"], "loop_id"])
    loops = read_loops(root / AUGMENTED)
    sided = [(side, loop) for side, loop in loops if loop.lineage.loop_id in kept]
    folder = root / ENCODED
    write_loops(folder, sided)
    for side in SIDES:
        write_lines(folder / f"{side}.txt", [loop for at, loop in sided if at == side])
    Codec(steps_per_bar).save(folder / "codec.json")
    train = [loop for side, loop in sided if side == "train"]
    learned = [*train, *(list_learned(start) if start else [])]
    held_out = [loop for side, loop in sided if side != "train"]
    write_json(folder / "held_out.json", measure_novelty(held_out, learned))
    n_steps = sum(loop.n_steps for loop in train)
    print(f"encode: {len(sided)} loops, {n_steps:,} steps to train on")
    found = check_text(folder, sided, steps_per_bar, root / CHECKS)
    found.enforce("encode", "the check of the encoded text")
