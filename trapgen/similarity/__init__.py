"""How far two loops are from each other, and who is near whom."""

from trapgen.similarity.cluster import cluster, connect
from trapgen.similarity.distance import Distance, compare, compare_onsets, find_nearest
from trapgen.similarity.pairs import Pair, Pairs
from trapgen.similarity.recall import measure_recall
from trapgen.similarity.rows import RowPairs, near_rows, share_near
from trapgen.similarity.search import find_pairs
from trapgen.similarity.transform import Transform, lay_over

__all__ = [
    "Distance",
    "Pair",
    "Pairs",
    "RowPairs",
    "Transform",
    "cluster",
    "compare",
    "compare_onsets",
    "connect",
    "find_nearest",
    "find_pairs",
    "lay_over",
    "measure_recall",
    "near_rows",
    "share_near",
]
