"""trapgen: learn trap drum loops from a handful of MIDI files.

The library is a chain of small pure functions, a room a step on the data's way: from files as
found to loops (`ingest`), an independent split and what is made of it (`dataset`, `audit`), a model
(`model`, `generate`) and what is said about it (`evaluate`, `report`). It knows nothing of Prefect,
DVC, MLflow or great_expectations: those live in `tasks/` and `flows/`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trapgen.core import TrapgenError

    __version__: str

__all__ = ["TrapgenError", "__version__"]


def __getattr__(name: str) -> object:
    # Whoever wants help, or one room, does not wait for numpy.
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
