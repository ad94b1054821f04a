"""trapgen: learn trap drum loops from a small set of MIDI files.

    from trapgen import generate_loops, load_model, write_midi

    loop = generate_loops(load_model(), 1, bpm=146)[0]
    write_midi("loop.mid", loop)

`trapgen.api` documents the functions. The rooms behind them follow the data's way: from files to
loops (`ingest`), an independent split (`dataset`) and its audit (`audit`), a model (`model`,
`generate`), figures and pages about it (`evaluate`, `report`). The library imports no Prefect, DVC,
MLflow or great_expectations: those live in `tasks/` and `flows/`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trapgen.api import (
        DrumLoop,
        audit_splits,
        generate_loops,
        load_model,
        read_midi,
        render_loop,
        score_loops,
        split_sources,
        standardize_files,
        write_midi,
    )
    from trapgen.core import TrapgenError

    __version__: str

__all__ = [
    "DrumLoop",
    "TrapgenError",
    "__version__",
    "audit_splits",
    "generate_loops",
    "load_model",
    "read_midi",
    "render_loop",
    "score_loops",
    "split_sources",
    "standardize_files",
    "write_midi",
]


def __getattr__(name: str) -> object:
    # Names load when they are used: `trapgen --help` does not wait for numpy.
    if name == "__version__":
        from trapgen.core import find_version

        return find_version()
    if name == "TrapgenError":
        from trapgen.core import TrapgenError

        return TrapgenError
    if name in __all__:
        from trapgen import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
