"""The kit as data: nine voices, the key maps to them, and the role words of file names."""

from trapgen.core.kit.keymaps import KEY_MAPS, KeyMap, key_map
from trapgen.core.kit.roles import FULL, ROLES, Role, role_of_name
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
