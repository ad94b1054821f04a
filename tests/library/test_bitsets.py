"""Onsets as bits."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from trapgen.similarity import BitSets

ROWS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=3, max_side=20))


@given(ROWS)
def test_bits_are_the_onsets_and_count_them(rows):
    bits = BitSets.of(rows)
    assert np.array_equal(bits.unpack(), rows)
    assert np.array_equal(bits.count(), rows.sum(axis=-1))
    assert np.array_equal(bits[::-1].unpack(), rows[::-1])
    words = bits.words()
    assert (
        np.bitwise_count(words).sum(axis=1).tolist()
        == rows.reshape(len(rows), -1).sum(axis=1).tolist()
    )
    assert bits[:0].words().shape == (0, words.shape[1])


@given(arrays(np.bool_, st.tuples(st.just(2), st.integers(1, 9), st.integers(1, 20))), st.data())
def test_words_of_a_rotation_are_those_of_the_rotated_onsets(rows, data):
    beats = data.draw(st.integers(0, rows.shape[1]))
    turned = BitSets.of(np.roll(rows, -beats, axis=1))
    assert np.array_equal(BitSets.of(rows).words(beats), turned.words())


@given(arrays(np.bool_, st.tuples(st.integers(0, 12), st.integers(1, 3))))
def test_distinct_rows_stand_once_and_every_row_finds_its_own(rows):
    distinct, number = BitSets.of(rows).distinct()
    assert np.array_equal(distinct[number].unpack(), rows)
    assert len(np.unique(distinct.unpack(), axis=0)) == len(distinct) == len(np.unique(number))
