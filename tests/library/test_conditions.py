"""What is told of a whole loop."""

from __future__ import annotations

import pytest

from trapgen.codec import Codec
from trapgen.model import ModelSpec, list_conditions, name_conditions, number_conditions
from trapgen.params import TrainParams


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
