"""Train the networks on clean data, with MLflow tracking."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tasks.places import CHECKPOINT, ENCODED, MODEL, find_start, read_params
from tasks.tracking.training import TrainingRun
from trapgen.core import (
    HITS_NAME,
    LOOPS_NAME,
    Codec,
    DrumLoop,
    Params,
    TrainParams,
    hash_files,
    read_json,
    read_loops,
    to_words,
    write_json,
)
from trapgen.model import (
    Humanizer,
    ModelSpec,
    list_conditions,
    load_start,
    name_loop,
    name_version,
    number_conditions,
    save_humanizer,
    save_network,
    train_humanizer,
)
from trapgen.model.training import (
    Conditions,
    Epoch,
    clear_checkpoint,
    fingerprint,
    train_network,
    write_history,
)
from trapgen.similarity import list_learned, save_training_index

VERSION = "7"


class EpochScreen(Protocol):
    """Shows how far a training is."""

    def show_batch(self, epoch: int, batch: int, bits: float) -> None:
        """Show the loss of a batch."""

    def show_epoch(self, epoch: int, losses: str) -> None:
        """Show the losses of an epoch."""


def run(
    root: Path, *, epochs: Callable[[int], AbstractContextManager[EpochScreen]] | None = None
) -> None:
    """Read `data/encoded`, write `data/model`; test data is not read.

    Args:
        root: The checkout.
        epochs: Opens the screen, given the number of epochs; by default one on the terminal.
    """
    params = read_params(root)
    codec = Codec.load(root / ENCODED / "codec.json")
    loops = read_loops(root / ENCODED, ("train", "validation"))
    sides = [[loop for at, loop in loops if at == side] for side in ("train", "validation")]
    train, validation = ([to_words(loop) for loop in loops] for loops in sides)
    begun_from = find_start(root, params)
    start = load_start(begun_from, codec) if begun_from else None
    names = [
        [name_loop(loop.lineage.style, loop.bpm, base=params.train.style) for loop in loops]
        for loops in sides
    ]
    known = list_conditions(names[0])
    spec = ModelSpec.of(params.train, codec, known) if start is None else start.spec
    numbers = [number_conditions(each, spec) for each in names]
    name = fingerprint(train, validation, spec, params.train, params.seed, start, numbers)
    show = epochs or _Terminal
    with TrainingRun(root, params, name, start) as tracked, show(params.train.epochs) as screen:

        def on_epoch(epoch: Epoch) -> None:
            tracked.log_epoch(epoch)
            screen.show_epoch(epoch.epoch, _describe(epoch))

        # The humanizer comes first, since it takes seconds, and is kept if training is interrupted.
        humanizer = _learn_playing(sides, spec, Conditions(*numbers), params.train, params.seed)
        tracked.log_humanizer(humanizer)
        trained = train_network(
            train,
            validation,
            spec,
            params.train,
            params.seed,
            conditions=Conditions(*numbers),
            start=start,
            checkpoint=root / CHECKPOINT,
            on_batch=screen.show_batch,
            on_epoch=on_epoch,
        )
        folder = root / MODEL
        save_network(folder, trained.network)
        save_humanizer(folder, humanizer)
        save_training_index(
            folder,
            sides[0],
            read_json(root / ENCODED / "held_out.json"),
            before=list_learned(begun_from) if begun_from else (),
        )
        write_history(folder / "history.csv", trained.history)
        write_json(folder / "lineage.json", _trace(root, params, codec, begun_from))
        best = trained.history[trained.best_epoch - 1]
        tracked.log_best(trained.network, best)
    # Until here, a stage that is killed finds the finished training again.
    clear_checkpoint(root / CHECKPOINT)
    print(
        f"train: {len(trained.history)} epochs; best is epoch {best.epoch} with "
        f"{best.validation:.3f} bits per step on clean validation; a control that leaks on "
        f"purpose shows {best.control_loss:.3f}"
    )


def _trace(root: Path, params: Params, codec: Codec, start: Path | None) -> dict[str, object]:
    """Where the model comes from: its data, its parameters, and the model that it began from."""
    return {
        "data": hash_files(*(root / ENCODED / name for name in (LOOPS_NAME, HITS_NAME))),
        "parameters": {
            "seed": params.seed,
            "steps_per_bar": codec.steps_per_bar,
            "train": asdict(params.train),
        },
        "start": start and {"folder": params.train.start, "version": name_version(start)},
    }


def _learn_playing(
    sides: list[list[DrumLoop]],
    spec: ModelSpec,
    conditions: Conditions,
    params: TrainParams,
    seed: int,
) -> Humanizer:
    train, validation = sides
    humanizer = train_humanizer(
        train,
        validation,
        units=params.humanizer_units,
        epochs=params.humanizer_epochs,
        seed=seed,
        dropout=params.humanizer_dropout,
        names=spec.conditions,
        conditions=conditions,
    )
    figures = humanizer.figures
    print(
        f"train: velocities at {figures['velocity']:.3f} bits per hit on clean validation, "
        f"{figures['velocity_voice']:.3f} by the voice alone; microtiming "
        f"{'learned' if humanizer.spec.offsets else 'absent from the data'}"
    )
    return humanizer


def _describe(epoch: Epoch) -> str:
    return (
        f"train {epoch.train:.3f}, clean validation {epoch.validation:.3f}, "
        f"leaking control {epoch.control_loss:.3f} bits, {epoch.seconds:.1f} s"
    )


class _Terminal:
    """A progress bar per epoch, with current losses; a line per epoch without a terminal."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[losses]}"),
            TimeElapsedColumn(),
        )
        self._bar = self._progress.add_task("train", total=epochs, losses="")

    def __enter__(self) -> "_Terminal":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show_batch(self, epoch: int, batch: int, bits: float) -> None:
        description = f"epoch {epoch}/{self._epochs} batch {batch + 1}"
        self._progress.update(self._bar, description=description, losses=f"{bits:.3f} bits")

    def show_epoch(self, epoch: int, losses: str) -> None:
        description = f"epoch {epoch}/{self._epochs}"
        self._progress.update(self._bar, completed=epoch, description=description, losses=losses)
        if not self._progress.console.is_terminal:
            self._progress.console.print(f"epoch {epoch}: {losses}")
