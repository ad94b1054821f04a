"""Pictures in one house look.

matplotlib is imported when something is drawn, pyplot never; the same arguments give the same bytes
of PNG.
"""

from trapgen.plot.evaluation import draw_covers, draw_distances, draw_reliability
from trapgen.plot.figures import draw_bits, draw_features, draw_overlap
from trapgen.plot.history import draw_history
from trapgen.plot.loop import draw_loop

__all__ = [
    "draw_bits",
    "draw_covers",
    "draw_distances",
    "draw_features",
    "draw_history",
    "draw_loop",
    "draw_overlap",
    "draw_reliability",
]
