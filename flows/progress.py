"""Progress of long work, in the run's log and in an artifact of the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from trapgen.core import LINE_EVERY_S, OnFiles, every_so_often

if TYPE_CHECKING:
    from tasks.train import EpochScreen


@contextmanager
def publish_progress(what: str, every_s: float = LINE_EVERY_S) -> Iterator[OnFiles]:
    """Publish the pace of the work `what`, occasionally.

    Work that finishes within `every_s` seconds writes nothing.
    """
    bar = _Bar("files")
    percent = 0.0

    def tell(pace: str) -> None:
        bar.show(percent, f"{what}: {pace}")

    tell_now_and_then = every_so_often(tell, every_s)

    def on_files(done: int, total: int) -> None:
        nonlocal percent
        percent = 100 * done / total
        tell_now_and_then(done, total)

    yield on_files
    bar.finish(percent, f"{what}: done")


@contextmanager
def publish_epochs(total: int) -> Iterator[EpochScreen]:
    """Publish each epoch of a training with its losses."""
    yield _Epochs(total)


class _Epochs:
    def __init__(self, total: int) -> None:
        self._total, self._bar = total, _Bar("epochs")

    def show_batch(self, epoch: int, batch: int, bits: float) -> None:
        """Too many to publish."""

    def show_epoch(self, epoch: int, losses: str) -> None:
        self._bar.show(100 * epoch / self._total, f"epoch {epoch} of {self._total}: {losses}")


class _Bar:
    """An artifact, created when there is something to show."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._id: UUID | None = None

    def show(self, percent: float, text: str) -> None:
        get_run_logger().info(text)
        if self._id is None:
            self._id = cast(UUID, create_progress_artifact(percent, self._key, text))
        else:
            update_progress_artifact(self._id, percent, text)

    def finish(self, percent: float, text: str) -> None:
        if self._id is not None:
            update_progress_artifact(self._id, percent, text)
