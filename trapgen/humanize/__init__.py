"""How hits are played: velocities and microtiming, learned, for loops whose words are written."""

from trapgen.humanize.files import HUMANIZER_FILES, load_humanizer, save_humanizer
from trapgen.humanize.hits import Hits, Performance, find_hits, is_played, read_performance
from trapgen.humanize.learn import HumanizerEpoch, train_humanizer
from trapgen.humanize.network import Feel, Humanizer
from trapgen.humanize.spec import HumanizerSpec, weight_shapes

__all__ = [
    "HUMANIZER_FILES",
    "Feel",
    "Hits",
    "Humanizer",
    "HumanizerEpoch",
    "HumanizerSpec",
    "Performance",
    "find_hits",
    "is_played",
    "load_humanizer",
    "read_performance",
    "save_humanizer",
    "train_humanizer",
    "weight_shapes",
]
