"""What a served model does: a table of requests in, a table of loops out.

MLflow copies this file into the model and runs it wherever the model is loaded ("models from
code"). So it imports nothing of the checkout but trapgen, whose code lies in the model too.
"""

from __future__ import annotations

import binascii
import json
import math
from base64 import b64decode, b64encode
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PythonModel
from pydantic import BaseModel, ConfigDict, SkipValidation, create_model

from trapgen.core import (
    Definition,
    Params,
    SampleParams,
    TrapgenError,
    definitions,
    list_definitions,
    make_section,
)
from trapgen.generate import Generator, generate_in_memory, load_generator, to_midi
from trapgen.model import read_champion

_SEED: Final = definitions(Params)["seed"]
_CONTROLS: Final = {**list_definitions("sample"), "seed": _SEED}
_FILES: Final = ("primer", "lock_from", "vary")
"""Controls that name a MIDI file. A request holds its content instead, as base64."""
_FROM_TRAIN: Final = "train"
"""The value of `primer` that is no file."""
_MOST_CHARACTERS: Final = 2**20
"""Of a file in a request."""


def _find_type(definition: Definition) -> Any:
    return list[str] if definition.many else definition.kind


if TYPE_CHECKING:

    class Request(BaseModel):
        """A request."""
else:
    # The types are the signature that MLflow shows. The definitions check the values, with
    # messages of their own.
    Request = create_model(
        "Request",
        __config__=ConfigDict(extra="allow"),
        **{
            name: (SkipValidation[_find_type(found) | None], None)
            for name, found in _CONTROLS.items()
        },
    )


class LoopModel(PythonModel):
    """Generates loops as `trapgen generate` does."""

    def load_context(self, context: Any) -> None:
        """Load the model.

        Configuration: `most_bars`, the bars that one table of requests may ask for; `models`, a
        checkout's `data/models`, whose champion is used where there is one, from the request after
        it was promoted.
        """
        config = context.model_config
        self._most_bars = int(config["most_bars"])
        self._models = Path(config["models"]) if config["models"] else None
        self._own = self._folder = Path(context.artifacts["model"])
        self._generator = load_generator(self._own)
        # A request uses all cores.
        self._lock = Lock()

    # MLflow leaves out the context where it isn't asked for.
    def predict(  # type: ignore[override]
        self, model_input: list[Request]
    ) -> pd.DataFrame:
        """Loops for a table of requests, in their order.

        Args:
            model_input: A row a request. The columns are the parameters of the `sample` stage, and
                `seed`. All are optional.

        Returns:
            A row a loop: `request`, the number of the row that asked for it, from 0; `name`;
            `midi`, the file as base64; `receipt`, the JSON that `trapgen generate` writes; `bpm`,
            `bars` and `novelty` out of it.

        Raises:
            MlflowException: A request breaks a rule, and the server answers 400; or the champion
                cannot be read, and it answers 500.
        """
        rows = []
        with self._lock:
            generator = self._find_generator()
            asked = [_ask(number, request) for number, request in enumerate(model_input)]
            self._limit(sum(params.loops * params.bars for params, _, _ in asked))
            for number, (params, seed, files) in enumerate(asked):
                try:
                    made = generate_in_memory(generator, params, seed, files)
                except TrapgenError as error:
                    raise _refuse(number, str(error)) from error
                for loop, receipt in made:
                    rows.append(
                        {
                            "request": number,
                            "name": receipt["loop"],
                            "midi": b64encode(to_midi(loop, receipt)).decode("ascii"),
                            "receipt": json.dumps(receipt, ensure_ascii=False),
                            "bpm": float(receipt["bpm"]),
                            "bars": receipt["bars"],
                            "novelty": receipt["novelty"],
                        }
                    )
        return pd.DataFrame(rows)

    def _limit(self, n_bars: int) -> None:
        if n_bars > self._most_bars:
            raise MlflowException(
                f"loops times bars, over all requests, must be at most {self._most_bars:,} "
                f"(received {n_bars:,}). Ask in several tables, or load the model with another "
                "most_bars in its configuration.",
                error_code=INVALID_PARAMETER_VALUE,
            )

    def _find_generator(self) -> Generator:
        """The champion of `models`, if there is one; else the model's own."""
        champion = read_champion(self._models) if self._models else ""
        folder = self._models / champion if self._models and champion else self._own
        if folder != self._folder:
            try:
                self._generator, self._folder = load_generator(folder), folder
            except TrapgenError as error:
                raise MlflowException(str(error), error_code=INTERNAL_ERROR) from error
        return self._generator


def _ask(number: int, request: Request) -> tuple[SampleParams, int, dict[str, bytes]]:
    """The parameters, the seed and the files of a request."""
    values = {
        name: _read_cell(_CONTROLS.get(name), value)
        for name, value in request
        if name in request.model_fields_set and not _is_missing(value)
    }
    seed = values.pop("seed", _SEED.default)
    files = {}
    for name in _FILES:
        content = values.get(name)
        if isinstance(content, str) and content and (name, content) != ("primer", _FROM_TRAIN):
            values[name] = f"{name}.mid"
            files[values[name]] = _read_file(number, name, content)
    try:
        _SEED.check("seed", seed)
        return make_section("sample", values), seed, files
    except TrapgenError as error:
        raise _refuse(number, str(error)) from error


def _is_missing(value: object) -> bool:
    """Whether a table has no value in a cell."""
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _read_cell(definition: Definition | None, value: Any) -> Any:
    """A cell as the definition has it: a table may hold 4 as 4.0, and lists as text with commas."""
    if definition is None:
        return value
    if definition.many and isinstance(value, str):
        return [part for part in value.split(",") if part]
    if definition.kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _read_file(number: int, name: str, content: str) -> bytes:
    rule = (
        f"sample.{name} must be a MIDI file as base64, at most {_MOST_CHARACTERS:,} characters: "
        "a served model opens no files"
    )
    if len(content) > _MOST_CHARACTERS:
        raise _refuse(number, f"{rule} (received {len(content):,} characters)")
    try:
        return b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refuse(number, f"{rule} (received {content[:60]!r})") from error


def _refuse(number: int, reason: str) -> MlflowException:
    return MlflowException(f"request {number}: {reason}", error_code=INVALID_PARAMETER_VALUE)


mlflow.models.set_model(LoopModel())
