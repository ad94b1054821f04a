"""trapgen: learn trap drum loops from a small set of MIDI files.

The library is a chain of small pure functions, one package per step of the data: from files to
loops (`ingest`), an independent split and recombination (`dataset`, `audit`), a model (`model`,
`generate`) and its evaluation (`evaluate`, `report`). It does not depend on Prefect, DVC, MLflow or
great_expectations: those are used in `tasks/` and `flows/`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trapgen.core import TrapgenError

    __version__: str

__all__ = ["TrapgenError", "__version__"]


def __getattr__(name: str) -> object:
    # `--help`, and imports of one package, should not wait for numpy.
    if name == "TrapgenError":
        from trapgen.core import TrapgenError

        return TrapgenError
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("trapgen")
        except PackageNotFoundError:  # a checkout that was never installed
            return "0+unknown"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
