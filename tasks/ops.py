"""The command `trapgen-ops`: which model is in use, and why (`python -m tasks.ops` is the same)."""

import sys
from pathlib import Path

import click

from tasks.stage import hold_checkout
from trapgen.core import TrapgenError
from trapgen.model import MODELS, find_model_in_use, read_ledger, roll_back


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def ops() -> None:
    """Operate the models of the checkout in the current folder."""


@ops.command()
@click.option("--again", is_flag=True, help="Judge it even if it was judged on the same data.")
def promote(again: bool) -> None:
    """Judge the candidate, data/model, and put it to use if it is better than the champion."""
    from tasks.promote import run

    with hold_checkout(Path.cwd(), "trapgen-ops promote"):
        run(Path.cwd(), again=again)


@ops.command()
@click.option("--reason", default="by hand", show_default=True, help="A line for the ledger.")
def rollback(reason: str) -> None:
    """Put the previous champion back in use."""
    from tasks.registry import mirror_ledger

    models = Path.cwd() / MODELS
    with hold_checkout(Path.cwd(), "trapgen-ops rollback"):
        previous, champion = roll_back(models, reason)
        mirror_ledger(Path.cwd())
    print(f"rollback: {previous} is in use again, instead of {champion}")


@ops.command()
def ledger() -> None:
    """List the decisions, oldest first, and the model in use."""
    for row in read_ledger(Path.cwd() / MODELS):
        print(f"{row['when']}  {row['version']}  {row['event']}: {row['reason']}")
    folder, what = find_model_in_use(Path.cwd()) or ("the packaged model", "no other")
    print(f"in use: {folder} ({what})")


@ops.command()
def registry() -> None:
    """Bring MLflow's registry in line with the ledger, also after it was deleted."""
    from tasks.registry import mirror_ledger

    with hold_checkout(Path.cwd(), "trapgen-ops registry"):
        added = mirror_ledger(Path.cwd())
    print(f"registry: {len(added)} versions added")


def main() -> None:
    """Run the command; a `TrapgenError` ends it with its exit code and a one-sentence message."""
    try:
        ops(prog_name="trapgen-ops")
    except TrapgenError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
