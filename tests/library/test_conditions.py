"""What is told of a whole loop."""

from __future__ import annotations

import pytest

from trapgen.core import Codec, ParameterError, TrainParams
from trapgen.model import (
    ModelSpec,
    choose_condition,
    list_conditions,
    list_styles,
    name_conditions,
    name_loop,
    number_conditions,
)


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ({}, ("", "", "", "")),
        ({"style": "funk"}, ("style:funk", "", "", "")),
        ({"style": "funk/fast"}, ("style:funk", "style:funk/fast", "", "")),
        ({"kind": "fill"}, ("", "", "", "kind:fill")),
        ({"bpm": 119.9}, ("", "", "bpm:100", "")),
        ({"bpm": 120}, ("", "", "bpm:120", "")),
        ({"bpm": 12}, ("", "", "bpm:60", "")),
        ({"bpm": 400}, ("", "", "bpm:200", "")),
    ],
)  # fmt: skip
def test_conditions_have_names(told, names):
    assert name_conditions(**told) == names


def test_the_network_numbers_the_conditions_it_was_trained_with():
    train = [name_conditions("funk/fast", 140), name_conditions("jazz", kind="beat")]
    known = list_conditions(train)
    assert known == ("bpm:140", "kind:beat", "style:funk", "style:funk/fast", "style:jazz")
    spec = ModelSpec.of(TrainParams(), Codec(16), known)
    assert number_conditions(train, spec).tolist() == [[3, 4, 1, 0], [5, 0, 0, 2]]
    other = [name_conditions("funk/slow", 90, "fill")]
    assert number_conditions(other, spec).tolist() == [[3, 0, 0, 0]]
    assert number_conditions([], spec).shape == (0, 4)


KNOWN = list_conditions([
    name_conditions("trap/drill", 140, "beat"),
    name_conditions("trap/slow", 90, "fill"),
    name_conditions("rock/slow", 90, "fill"),
])  # fmt: skip
SPEC = ModelSpec.of(TrainParams(), Codec(16), KNOWN)
TOLD_NOTHING = ModelSpec.of(TrainParams(), Codec(16))


def asked(spec=SPEC, style="auto", bpm=140.0, kind="beat"):
    numbers = choose_condition(spec, style, bpm, kind)
    return [spec.conditions[number - 1] for number in numbers if number]


def test_a_network_lists_the_styles_it_knows():
    assert list_styles(SPEC) == ("rock", "rock/slow", "trap", "trap/drill", "trap/slow")
    assert list_styles(TOLD_NOTHING) == ()


def test_trap_at_its_tempo_is_told_unless_something_else_is_asked_for():
    assert asked() == ["style:trap", "bpm:140", "kind:beat"]
    assert asked(style="trap/drill") == ["style:trap", "style:trap/drill", "bpm:140", "kind:beat"]
    assert asked(style="drill") == asked(style="trap/drill")
    assert asked(style="", bpm=90, kind="fill") == ["bpm:80", "kind:fill"]
    assert asked(style="", bpm=200, kind="") == []


def test_a_network_that_was_told_nothing_is_told_nothing():
    assert asked(TOLD_NOTHING) == []
    with pytest.raises(ParameterError, match="trained without styles"):
        asked(TOLD_NOTHING, style="trap")
    with pytest.raises(ParameterError, match=r"sample\.kind"):
        asked(TOLD_NOTHING, kind="fill")


@pytest.mark.parametrize("style", ["polka", "slow", "trap/"])
def test_an_unknown_or_ambiguous_style_is_refused_with_those_there_are(style):
    with pytest.raises(ParameterError, match="rock, rock/slow, trap, trap/drill, trap/slow"):
        asked(style=style)


@pytest.mark.parametrize(
    ("style", "base", "told"),
    [
        ("", "trap", ("style:trap", "")),
        ("drill", "trap", ("style:trap", "style:trap/drill")),
        ("funk/groove1", "trap", ("style:funk", "style:funk/groove1")),
        ("drill", "", ("style:drill", "")),
        ("", "", ("", "")),
    ],
)
def test_a_loop_of_a_corpus_of_one_style(style, base, told):
    assert name_loop(style, 140, base=base) == (*told, "bpm:140", "kind:beat")
