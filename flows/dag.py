"""DVC's graph, and DVC's operations around a stage's command, for a function in this process.

`refresh` is `dvc repro --single-item` with a function instead of the command: the same check, the
same locks, the same removal of old outputs, the same run cache and the same `dvc.lock`. Both ways
can therefore be mixed freely. It uses `dvc.repo.Repo`, which is less stable than `dvc.api`, so dvc
is pinned.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.repo import Repo, lock_repo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.rwlock import rwlock
from dvc.stage.cache import RunCacheNotFoundError

from flows.repair import keep_copy
from trapgen.core import InputError, TrapgenError

if TYPE_CHECKING:
    from dvc.stage import Stage as DvcStage

DAG_FILE: Final = "dvc.yaml"
RAN, RESTORED, CACHED = "Completed", "Restored", "Cached"


@dataclass(frozen=True, slots=True)
class StageNode:
    """A stage of `dvc.yaml`, and the stages whose outputs it reads."""

    name: str
    upstream: tuple[str, ...]


@contextmanager
def open_repo(root: Path) -> Iterator[Repo]:
    """Open the DVC checkout at `root`, waiting for its lock if another command holds it.

    Inside, the current folder is `root`, as DVC's run cache and messages assume, and its commands
    start there. A new `Repo` costs 15 ms and has no stale index, so it is not reused.

    Raises:
        InputError: `root` is not the root of a DVC checkout.
        TrapgenError: DVC failed; its reason is in the message.
    """
    # DVC's log would be repeated between Prefect's own lines.
    logging.getLogger("dvc").setLevel(logging.WARNING)
    root = root.resolve()
    rule, advice = "not_a_checkout", f"Give the folder that holds .dvc and {DAG_FILE}."
    try:
        # `dvc status` in another terminal must not prevent a finished training from being recorded.
        with Repo(str(root), _wait_for_lock=True) as repo, chdir(root):
            if (found := Path(repo.root_dir)) != root:
                raise InputError(root, rule, f"a folder inside {found}", advice)
            if not (root / DAG_FILE).is_file():
                raise InputError(root, rule, f"no {DAG_FILE}", advice)
            yield repo
    except NotDvcRepoError:
        raise InputError(root, rule, "no .dvc", advice) from None
    except DvcException as error:
        raise TrapgenError(f"{root}: DVC refuses: {error.__cause__ or error}") from error


def read_graph(repo: Repo) -> tuple[StageNode, ...]:
    """The stages of `dvc.yaml`, in the order in which `dvc repro` would run them."""
    graph = get_active_graph(repo.index.graph)
    return tuple(
        StageNode(stage.name, tuple(sorted(s.name for s in graph.successors(stage) if _named(s))))
        for stage in _plan(repo)
        if _named(stage)
    )


def why_stale(repo: Repo, name: str) -> tuple[str, ...]:
    """Changes since the stage was recorded, one phrase each; empty if it is current."""
    with lock_repo(repo):
        return _why(_stage(repo, name))


def read_changes(repo: Repo) -> dict[str, tuple[str, ...]]:
    """Changes by stage, and by pack for packs added with `dvc add`.

    A stage that is current now, but will rerun after one upstream of it, is not included.
    """
    with lock_repo(repo):
        changes = {_label(stage): _why(stage) for stage in _plan(repo)}
    return {label: why for label, why in changes.items() if why}


def record(repo: Repo, name: str) -> None:
    """Record the stage's present state in `dvc.lock`, and its outputs in the cache."""
    with repo.scm_context():
        repo.commit(target=_target(name), force=True)


def record_packs(repo: Repo) -> None:
    """Record changes of packs that were added with `dvc add`, as `dvc repro` does.

    Raises:
        InputError: A pack is missing.
    """
    for stage in [stage for stage in _plan(repo) if not _named(stage)]:
        pointer = stage.path_in_repo
        for pack in stage.outs:
            if not pack.exists:
                advice = f"Restore it with `dvc checkout {pointer}`, or `dvc remove {pointer}`."
                raise InputError(str(pack), "missing_pack", "no such file", advice)
        repo.reproduce(targets=[pointer], single_item=True)


def refresh(
    root: Path, name: str, run: Callable[[Path], None], *, force: bool = False
) -> tuple[str, tuple[str, ...]]:
    """Bring one stage up to date, assuming that those upstream of it are.

    Args:
        root: The checkout.
        name: A stage of its `dvc.yaml`.
        run: The stage's function, called with the root.
        force: Run it even if it is current or its result is cached.

    Returns:
        `Completed`, `Restored` or `Cached`, and the changes, one phrase each.

    Raises:
        TrapgenError: DVC failed, for example because another process uses the same files.
        Exception: Raised by `run`. The stage's old outputs are then deleted, new ones written so
            far are kept, and nothing is recorded.
    """
    with open_repo(root) as repo:
        if _stage(repo, name).frozen:
            # DVC does not run frozen stages either: it only checks that the outputs exist.
            repo.reproduce(targets=[_target(name)], single_item=True)
            return CACHED, ()
        why = why_stale(repo, name) or (("forced",) if force else ())
        if not why:
            return CACHED, ()
        with _held(repo, name):
            state = RESTORED if _replace_outputs(repo, name, known=not force) else RAN
            if state == RAN:
                run(Path(repo.root_dir))
            record(repo, name)
            keep_copy(repo)
    return state, why


def _replace_outputs(repo: Repo, name: str, *, known: bool) -> bool:
    """Remove a stage's outputs; whether the run cache, if `known`, restored them."""
    with lock_repo(repo):
        stage = _stage(repo, name)
        stage.remove_outs()
        try:
            if known:
                repo.stage_cache.restore(stage)
        except RunCacheNotFoundError:
            return False
    return known


@contextmanager
def _held(repo: Repo, name: str) -> Iterator[None]:
    """Lock the stage's files as DVC does while a command runs: others wait, or fail."""
    stage = _stage(repo, name)
    held = {
        kind: [item.fs_path for item in items if item.is_in_repo]
        for kind, items in (("read", stage.deps), ("write", stage.outs))
    }
    # DVC identifies a holder by its process and this text, and admits the same one again.
    holder = " ".join(sys.argv)
    hardlink = repo.config["core"].get("hardlink_lock", False)
    with rwlock(repo.tmp_dir, repo.fs, holder, **held, hardlink=hardlink):
        yield


def _plan(repo: Repo) -> list[DvcStage]:
    """The stages of `dvc.yaml` and the packs that they read, in DVC's order."""
    wanted = [stage for stage in repo.index.stages if _named(stage)]
    return list(plan_repro(get_active_graph(repo.index.graph), wanted))


def _named(stage: DvcStage) -> bool:
    return bool(stage.path_in_repo == DAG_FILE)


def _label(stage: DvcStage) -> str:
    return str(stage.name if _named(stage) else stage.path_in_repo)


def _target(name: str) -> str:
    # A bare name could also be a file's.
    return f"{DAG_FILE}:{name}"


def _stage(repo: Repo, name: str) -> DvcStage:
    [stage] = repo.stage.collect(_target(name))
    return stage


def _why(stage: DvcStage) -> tuple[str, ...]:
    """DVC's status of one stage as text: `params.yaml split.seed modified`, `changed command`."""
    status = stage.status()
    if status and not any(out.hash_info for out in stage.outs):
        return ("not recorded yet",)
    return tuple(phrase for entries in status.values() for phrase in _phrases(entries))


def _phrases(entries: Iterable[str | Mapping[str, Mapping[str, Any]]]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
            continue
        for kind, changes in entry.items():
            prefix = "output " if kind == "changed outs" else ""
            for path, change in changes.items():
                keys = change.items() if isinstance(change, Mapping) else [("", change)]
                yield from (" ".join(f"{prefix}{path} {key} {how}".split()) for key, how in keys)
