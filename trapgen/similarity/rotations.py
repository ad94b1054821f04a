"""Exact number of hits that rows share, under every rotation by beats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import Columns
from trapgen.similarity.bitsets import BitSets

_CHUNK_PAIRS: Final = 2**14
_CHUNK_CELLS: Final = 2**20
_SPECTRAL_ROUNDING: Final = 0.1


@dataclass(frozen=True, eq=False)
class Best(Columns):
    """The best rotation of each pair.

    Attributes:
        shared: `(n,)` hits in both under it.
        rotation: `(n,)` beats by which the right is rotated, the smallest in a tie.
        backward: `(n,)` the same with left and right exchanged.
    """

    shared: NDArray[np.int32]
    rotation: NDArray[np.int32]
    backward: NDArray[np.int32]


def rotate_some(
    ours: BitSets,
    theirs: BitSets,
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    n_rotations: NDArray[np.integer],
) -> Best:
    """The best rotation of some pairs of rows, by counting bits.

    Args:
        ours: n rows, `packed` `(n, n_beats, n_bytes)`.
        theirs: m rows.
        left: `(n_pairs,)` row of `ours`.
        right: `(n_pairs,)` row of `theirs`.
        n_rotations: `(n_pairs,)` number of beats after which rotations repeat.
    """
    shared = np.zeros(len(left), np.int32)
    rotation, last = np.zeros_like(shared), np.zeros_like(shared)
    order = np.argsort(-n_rotations, kind="stable")
    one = ours.words()
    turned = [theirs.words(beats) for beats in range(n_rotations.max(initial=0))]
    for start in range(0, len(order), _CHUNK_PAIRS):
        chunk = order[start : start + _CHUNK_PAIRS]
        bits, beside, turns = one[left[chunk]], right[chunk], n_rotations[chunk]
        for beats in range(turns[0]):
            n_left = np.searchsorted(-turns, -beats)
            at = chunk[:n_left]
            both = np.bitwise_count(bits[:n_left] & turned[beats][beside[:n_left]])
            # Summed along columns: numpy adds many rows at a time.
            found = np.add.reduce(np.ascontiguousarray(both.T), axis=0, dtype=np.int32)
            better, equal = found > shared[at], found == shared[at]
            rotation[at[better]] = beats
            last[at[better | (equal & (rotation[at] > 0))]] = beats
            shared[at] = np.maximum(shared[at], found)
    backward = np.where(rotation > 0, n_rotations - last, 0).astype(np.int32)
    return Best(shared, rotation, backward)


def rotate_all(
    ours: BitSets, theirs: BitSets, least: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.intp], Best]:
    """Pairs of two blocks of rows that share enough hits, and their best rotation, by FFT.

    Args:
        ours: n rows, `packed` `(n, n_beats, n_bytes)`.
        theirs: m rows.
        least: `(n, m)` minimum shared hits of a pair.

    Returns:
        Indices into `ours`, indices into `theirs`, and the best rotation of each pair.
    """
    n_beats = ours.packed.shape[1]
    one = _spectra(ours, conjugate=True).transpose(1, 0, 2)
    to_shifts = _to_shifts(n_beats)
    # As many columns as keep both the products and the spectra small.
    columns = max(1, _CHUNK_CELLS // (n_beats * max(len(ours), theirs.n_cells)))
    parts = []
    for start in range(0, len(theirs), columns):
        other = _spectra(theirs[start : start + columns], conjugate=False).transpose(1, 2, 0)
        products = (one @ other).reshape(n_beats, -1)
        shared = to_shifts @ products
        enough = least[:, start : start + columns].ravel()
        at = np.flatnonzero(shared.max(axis=0) >= enough - _SPECTRAL_ROUNDING)
        kept = np.rint(shared[:, at]).astype(np.int32)
        left, right = np.divmod(at, other.shape[2])
        # Exchanging the two reverses the direction of the shifts.
        reverse = np.concatenate([kept[:1], kept[:0:-1]])
        best = Best(
            kept.max(axis=0, initial=0),
            kept.argmax(axis=0).astype(np.int32),
            reverse.argmax(axis=0).astype(np.int32),
        )
        parts.append((left, right + start, best))
    lefts, rights, bests = zip(*parts, strict=True)
    return np.concatenate(lefts), np.concatenate(rights), Best.join(bests)


def _spectra(rows: BitSets, *, conjugate: bool) -> NDArray[np.float32]:
    """`(n, n_beats, 2 * n_cells)` spectra over the beats, each plane ready for a real product.

    The product of the planes of two rows, one of them conjugated, gives the real parts of all
    frequencies of their correlation, followed by the nonzero imaginary parts.
    """
    beats = rows.unpack().astype(np.float32)
    spectrum = np.fft.rfft(beats, axis=1)
    real, imaginary = spectrum.real, spectrum.imag
    planes = np.concatenate([real, imaginary], axis=2)
    turned = np.concatenate([-imaginary, real], axis=2) if conjugate else planes
    return np.ascontiguousarray(np.concatenate([planes, turned[:, 1:-1]], axis=1))


@cache
def _to_shifts(n_beats: int) -> NDArray[np.float32]:
    """`(n_beats, n_beats)` matrix from the planes of `_spectra` to sums under each rotation."""
    shifts, frequencies = np.arange(n_beats)[:, None], np.arange(n_beats // 2 + 1)[None]
    angles = 2 * np.pi * (shifts * frequencies % n_beats) / n_beats
    weights = np.where((frequencies == 0) | (2 * frequencies == n_beats), 1, 2) / n_beats
    waves = [weights * np.cos(angles), (-weights * np.sin(angles))[:, 1:-1]]
    return np.concatenate(waves, axis=1).astype(np.float32)
