"""All parameters, and `params.yaml`, which holds them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from trapgen.core.errors import ParameterError
from trapgen.core.params.check import check, check_choice, check_count
from trapgen.core.params.data import (
    AuditParams,
    AugmentParams,
    CorpusParams,
    GridParams,
    SplitParams,
    StandardizeParams,
)
from trapgen.core.params.model import EvaluateParams, SampleParams, TrainParams


@dataclass(frozen=True, slots=True)
class Params:
    """All of `params.yaml`."""

    seed: int = 0
    grid: GridParams = field(default_factory=GridParams)
    corpus: CorpusParams = field(default_factory=CorpusParams)
    standardize: StandardizeParams = field(default_factory=StandardizeParams)
    split: SplitParams = field(default_factory=SplitParams)
    augment: AugmentParams = field(default_factory=AugmentParams)
    audit: AuditParams = field(default_factory=AuditParams)
    train: TrainParams = field(default_factory=TrainParams)
    sample: SampleParams = field(default_factory=SampleParams)
    evaluate: EvaluateParams = field(default_factory=EvaluateParams)

    def rng(self, stage: str) -> np.random.Generator:
        """The stage's own generator: what one stage draws moves nothing in another."""
        return np.random.default_rng([self.seed, *stage.encode()])


_SECTIONS: Final[dict[str, type[Any]]] = {
    "grid": GridParams,
    "corpus": CorpusParams,
    "standardize": StandardizeParams,
    "split": SplitParams,
    "augment": AugmentParams,
    "audit": AuditParams,
    "train": TrainParams,
    "sample": SampleParams,
    "evaluate": EvaluateParams,
}


def load_params(path: Path) -> Params:
    """Read and check `params.yaml`.

    Raises:
        ParameterError: The file is missing or no mapping, a key is unknown, or a value is outside
            its range.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ParameterError(str(path), "a readable YAML file", str(error)) from error
    if not isinstance(content, dict):
        raise ParameterError(str(path), "a mapping of sections", content)
    content = dict(content)
    seed = content.pop("seed", 0)
    check_count("seed", seed, least=0)
    for name in content:
        check_choice("section", name, tuple(_SECTIONS))
    made = {name: make_section(name, content.get(name, {})) for name in _SECTIONS}
    made["standardize"] = dataclasses.replace(
        made["standardize"], steps_per_bar=made["grid"].steps_per_bar
    )
    return Params(seed=seed, **made)


def make_section(name: str, values: object) -> Any:
    """One section's class from plain values, as YAML and JSON have them.

    Raises:
        ParameterError: A key is unknown, or a value is of another type or outside its range.
    """
    section = _SECTIONS[name]
    if not isinstance(values, dict):
        raise ParameterError(name, "a mapping of parameters", values)
    defaults = {item.name: item.default for item in dataclasses.fields(section)}
    if name == "standardize":
        # The grid is everybody's, and stands in a section of its own.
        del defaults["steps_per_bar"]
    made = {}
    for key, value in values.items():
        check_choice(f"key of {name}", key, tuple(defaults))
        made[key] = _read_value(f"{name}.{key}", value, defaults[key])
    return section(**made)


def _read_value(name: str, value: object, default: object) -> object:
    """The value, if it is of its default's kind; None stands for a number that may be missing."""
    if isinstance(default, tuple):
        is_texts = isinstance(value, list) and all(isinstance(text, str) for text in value)
        check(name, is_texts, "a list of texts", value)
        return tuple(value) if isinstance(value, list) else value
    if default is None and value is None:
        return None
    kind = float if default is None else type(default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = is_number if kind is float else type(value) is kind
    check(name, fits, f"a {kind.__name__}", value)
    return value
