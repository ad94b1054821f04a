"""trapgen: learn trap drum loops from a handful of MIDI files.

The library is a chain of small pure functions, one module a step on the
data's way: MIDI in (`midi`, `standardize`), an independent split (`split`,
`augment`, `audit`), text (`codec`), a model (`model`, `train`, `sample`) and
what is said about it (`metrics`, `report`). It knows nothing of Prefect, DVC,
MLflow or great_expectations: those live in `tasks/` and `flows/`.
"""

from importlib.metadata import PackageNotFoundError, version

from trapgen.core.errors import TrapgenError

try:
    __version__ = version("trapgen")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"

__all__ = ["TrapgenError", "__version__"]
