"""Shared foundations: loops, the kit, words, parameters, errors, files."""

from trapgen.core.codec import (
    BAR,
    BAR_WORD,
    N_TARGETS,
    N_WORDS,
    PAD,
    START,
    Codec,
    add_bars,
    read_lines,
    to_loop,
    to_onsets,
    to_text,
    to_words,
    write_lines,
)
from trapgen.core.columns import Columns
from trapgen.core.errors import (
    GateRefusedError,
    InputError,
    MidiError,
    ModelError,
    ParameterError,
    SplitError,
    TableError,
    TextError,
    TrapgenError,
    WriteError,
    printable,
)
from trapgen.core.grid import MAX_BARS
from trapgen.core.inputs import check_input, read_input
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
)
from trapgen.core.loop import (
    BEATS_A_BAR,
    DEFAULT_BPM,
    OF_HITS,
    ONSET_UNITS,
    SOURCE_RULE,
    STEPS_PER_BAR,
    TEMPO_ORIGINS,
    DrumLoop,
    Lineage,
    cut,
    hash_onsets,
    map_hits,
    place_hits,
    relabel,
    repeat_to,
    rotate,
    source_id,
)
from trapgen.core.loop_table import (
    HIT,
    HITS_NAME,
    LOOPS_NAME,
    Sided,
    describe_loop,
    hash_loops,
    join_hits,
    list_hits,
    read_loops,
    read_rows,
    write_hits,
    write_loops,
)
from trapgen.core.outputs import Outputs, hold_folder
from trapgen.core.parallel import map_blocks
from trapgen.core.params.data import (
    PROTOCOLS,
    AuditParams,
    AugmentParams,
    SplitParams,
    StandardizeParams,
)
from trapgen.core.params.define import Definition, Section, definitions
from trapgen.core.params.file import (
    SECTIONS,
    Params,
    check_seed,
    format_params,
    list_definitions,
    load_params,
    make_section,
)
from trapgen.core.params.model import EvaluateParams, PromoteParams, SampleParams, TrainParams
from trapgen.core.progress import LINE_EVERY_S, OnFiles, Progress, every_so_often, show_progress
from trapgen.core.seeds import make_rng
from trapgen.core.store import (
    clear_parts,
    flush_all,
    hash_files,
    make_folder,
    read_arrays,
    read_json,
    remove,
    replacing,
    write_arrays,
    write_json,
    write_text,
)
from trapgen.core.tables import (
    ASSIGNED,
    LEDGER,
    LOOPS,
    MANIFEST,
    OVERLAP,
    PACK,
    REJECTS,
    SIDES,
    SPLIT,
    SURVIVORS,
    guard_cell,
    make_table,
    read_table,
    unguard_cell,
    write_table,
)
from trapgen.core.ticks import TICKS_PER_BAR, TICKS_PER_QUARTER, time_notes
from trapgen.core.version import find_version
