"""Distance between loops, exact near-duplicate search, and clusters."""

from trapgen.similarity.bars import RowPairs, near_rows, share_near
from trapgen.similarity.bitsets import BitSets
from trapgen.similarity.cluster import cluster, connect
from trapgen.similarity.distance import compare
from trapgen.similarity.loops import find_pairs
from trapgen.similarity.pairs import Pair, Pairs
from trapgen.similarity.recall import measure_recall
from trapgen.similarity.training_index import (
    INDEX_FILES,
    list_learned,
    load_training_index,
    measure_novelty,
    rank_nearest,
    save_training_index,
)
from trapgen.similarity.transform import Transform, halve_time, lay_over, rename_voices
