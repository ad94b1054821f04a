"""How hits are played: velocities and microtiming, learned, for loops whose words are written."""

from trapgen.model.humanizer.files import HUMANIZER_FILES, load_humanizer, save_humanizer
from trapgen.model.humanizer.hits import Hits, Performance, find_hits, is_played, read_performance
from trapgen.model.humanizer.learn import HumanizerEpoch, train_humanizer
from trapgen.model.humanizer.network import Feel, Humanizer
from trapgen.model.humanizer.spec import HumanizerSpec, weight_shapes
