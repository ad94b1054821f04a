"""All parameters, and the file `params.yaml` that holds them."""

from __future__ import annotations

import dataclasses
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from trapgen.core.errors import InputError, ParameterError
from trapgen.core.inputs import read_input
from trapgen.core.params.data import (
    AuditParams,
    AugmentParams,
    CorpusParams,
    GridParams,
    SplitParams,
    StandardizeParams,
)
from trapgen.core.params.define import Definition, Section, check, define, definitions
from trapgen.core.params.model import EvaluateParams, PromoteParams, SampleParams, TrainParams

_HEAD: Final = """\
# Every parameter of every stage. A stage reruns when one of its own values changes.
# `python -m tasks.params` rewrites the comments, from trapgen/core/params; values stay."""
_MAX_BYTES: Final = 1 << 16
"""Largest `params.yaml`: five times the full one."""
_MAX_DEPTH: Final = 8
_AS_MADE: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_COMMENT_COLUMN: Final = 32
_COMMENT_WIDTH: Final = 65


@dataclass(frozen=True, slots=True)
class Params:
    """All of `params.yaml`."""

    seed: int = define(0, "Random seed; the same seed gives the same bytes", high=2**32 - 1)
    grid: GridParams = field(default_factory=GridParams)
    corpus: CorpusParams = field(default_factory=CorpusParams)
    standardize: StandardizeParams = field(default_factory=StandardizeParams)
    split: SplitParams = field(default_factory=SplitParams)
    augment: AugmentParams = field(default_factory=AugmentParams)
    audit: AuditParams = field(default_factory=AuditParams)
    train: TrainParams = field(default_factory=TrainParams)
    sample: SampleParams = field(default_factory=SampleParams)
    evaluate: EvaluateParams = field(default_factory=EvaluateParams)
    promote: PromoteParams = field(default_factory=PromoteParams)

    def __post_init__(self) -> None:
        check_seed(self.seed)


SECTIONS: Final[dict[str, type[Any]]] = {
    section.name: section.default_factory  # type: ignore[misc]
    for section in dataclasses.fields(Params)
    if section.name != "seed"
}
"""The classes of the sections of `params.yaml`, by name."""


def check_seed(seed: object) -> None:
    """Check a seed against its definition.

    Raises:
        ParameterError: The seed is not an integer, or is out of range.
    """
    definitions(Params)["seed"].check("seed", seed)


def list_definitions(section: str) -> dict[str, Definition]:
    """Definitions of a section's own keys in `params.yaml`."""
    of_class = definitions(SECTIONS[section])
    return {key: found for key, found in of_class.items() if not found.section}


def load_params(path: Path) -> Params:
    """Read and check `params.yaml`.

    Raises:
        ParameterError: The file is missing, too large or not a mapping, or has aliases or more than
            eight levels; a key is unknown, or a value is out of range.
    """
    content = _load_yaml(path)
    if not isinstance(content, dict):
        raise ParameterError(str(path), "a mapping of sections", content)
    content = dict(content)
    seed = content.pop("seed", 0)
    for name in content:
        _check_key("section", name, SECTIONS)
    made = {name: make_section(name, content.get(name, {})) for name in SECTIONS}
    grid = made["grid"].steps_per_bar
    made["standardize"] = dataclasses.replace(made["standardize"], steps_per_bar=grid)
    return Params(seed=seed, **made)


def _load_yaml(path: Path) -> Any:
    """Content of a YAML file without aliases, which can stand for more than any memory holds."""
    import yaml

    try:
        text = read_input(path, max_bytes=_MAX_BYTES).decode("utf-8")
        depth = 0
        for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            anchor = getattr(event, "anchor", None)
            check(str(path), anchor is None, "YAML without anchors and aliases", anchor)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            check(str(path), depth <= _MAX_DEPTH, f"YAML of at most {_MAX_DEPTH} levels", depth)
        return yaml.safe_load(text)
    except ParameterError:
        raise
    # PyYAML lets through what a value raises as it is made: a date in month 13, an empty `!!int`.
    except (*_AS_MADE, InputError, yaml.YAMLError) as error:
        reason = error.received if isinstance(error, InputError) else error
        raise ParameterError(str(path), "a readable YAML file", str(reason)) from error


def make_section(name: str, values: object) -> Any:
    """Make a section from plain values, as YAML and JSON hold them.

    Raises:
        ParameterError: A key is unknown, or a value has another type or is out of range.
    """
    if not isinstance(values, dict):
        raise ParameterError(name, "a mapping of parameters", values)
    known = list_definitions(name)
    made = {}
    for key, value in values.items():
        _check_key(f"key of {name}", key, known)
        definition = known[key]
        if definition.many and isinstance(value, list):
            value = tuple(value)
        made[key] = value
    return SECTIONS[name](**made)


def _check_key(name: str, key: object, known: dict[str, Any]) -> None:
    check(name, isinstance(key, str) and key in known, f"one of {', '.join(known)}", key)


def format_params(params: Params) -> str:
    """The text of `params.yaml`: each value with a comment from its definition."""
    lines = [_HEAD, *_format_value("seed", params.seed, definitions(Params)["seed"])]
    for name in SECTIONS:
        section: Section = getattr(params, name)
        lines += ["", f"{name}:"]
        for key, definition in list_definitions(name).items():
            lines += _format_value(f"  {key}", getattr(section, key), definition)
    return "\n".join(lines) + "\n"


def _format_value(key: str, value: object, definition: Definition) -> list[str]:
    import yaml

    plain = list(value) if isinstance(value, tuple) else value
    # PyYAML ends a scalar document with three dots.
    text = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=10**6)
    start = f"{key}: {text.removesuffix('...' + chr(10)).rstrip()}"
    comment = textwrap.wrap(definition.sentence, _COMMENT_WIDTH)
    starts = [start, *[""] * (len(comment) - 1)]
    return [
        f"{left:{_COMMENT_COLUMN}} # {right}" for left, right in zip(starts, comment, strict=True)
    ]
