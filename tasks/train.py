"""Train the networks on clean data, with MLflow tracking."""

from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tasks.places import CHECKPOINT, ENCODED, MODEL, find_start, read_params
from tasks.tracking.training import TrainingRun
from trapgen.core import Codec, DrumLoop, TrainParams, read_json, read_loops, to_words
from trapgen.model import (
    Humanizer,
    ModelSpec,
    list_conditions,
    load_start,
    name_loop,
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


def run(root: Path) -> None:
    """Read `data/encoded`, write `data/model`; test data is not read."""
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
    with TrainingRun(root, params, name, start) as tracked, _Screen(params.train) as screen:

        def on_epoch(epoch: Epoch) -> None:
            tracked.log_epoch(epoch)
            screen.show_epoch(epoch)

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
        best = trained.history[trained.best_epoch - 1]
        tracked.log_best(trained.network, best)
    # Until here, a stage that is killed finds the finished training again.
    clear_checkpoint(root / CHECKPOINT)
    print(
        f"train: {len(trained.history)} epochs; best is epoch {best.epoch} with "
        f"{best.validation:.3f} bits per step on clean validation; a control that leaks on "
        f"purpose shows {best.control_loss:.3f}"
    )


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


class _Screen:
    """A progress bar per epoch, with current losses."""

    def __init__(self, params: TrainParams) -> None:
        self._epochs = params.epochs
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[losses]}"),
            TimeElapsedColumn(),
        )
        self._bar = self._progress.add_task("train", total=params.epochs, losses="")

    def __enter__(self) -> "_Screen":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show_batch(self, epoch: int, batch: int, bits: float) -> None:
        """Show the loss of a batch."""
        description = f"epoch {epoch}/{self._epochs} batch {batch + 1}"
        self._progress.update(self._bar, description=description, losses=f"{bits:.3f} bits")

    def show_epoch(self, epoch: Epoch) -> None:
        """Show the losses of an epoch."""
        self._progress.update(
            self._bar,
            completed=epoch.epoch,
            description=f"epoch {epoch.epoch}/{self._epochs}",
            losses=f"train {epoch.train:.3f}  clean {epoch.validation:.3f}  "
            f"leaking {epoch.control_loss:.3f} bits",
        )
        if not self._progress.console.is_terminal:
            self._progress.console.print(
                f"epoch {epoch.epoch}: train {epoch.train:.3f}, clean validation "
                f"{epoch.validation:.3f}, leaking control {epoch.control_loss:.3f} bits, "
                f"{epoch.seconds:.1f} s"
            )
