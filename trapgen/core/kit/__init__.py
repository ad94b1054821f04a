"""The kit as data: nine voices, the key maps to them, and the role words of file names."""

from trapgen.core.kit.keymaps import KEY_MAPS, KeyMap
from trapgen.core.kit.own_map import OWN, key_map, list_pairs, make_csv, resolve_key_map
from trapgen.core.kit.roles import FULL, READ_BY, ROLES, Role, role_of_folder, role_of_name
from trapgen.core.kit.voices import (
    CLOSED_HAT,
    CRASH,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MID_TOM,
    N_VOICES,
    OPEN_HAT,
    RIDE,
    SNARE,
    VOICES,
    Voice,
)
