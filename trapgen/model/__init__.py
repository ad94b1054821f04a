"""The two networks, `words` and `humanizer`, and their training with TensorFlow."""

from trapgen.model.champions import (
    CANDIDATE,
    DECLINED,
    LEDGER_FILE,
    MODELS,
    PROMOTED,
    ROLLED_BACK,
    add_to_ledger,
    find_model_in_use,
    find_previous,
    hash_data,
    name_version,
    prune,
    read_champion,
    read_ledger,
    roll_back,
    settle,
    store_version,
)
from trapgen.model.humanizer.files import HUMANIZER_FILES, load_humanizer, save_humanizer
from trapgen.model.humanizer.learn import HumanizerEpoch, train_humanizer
from trapgen.model.humanizer.network import Humanizer
from trapgen.model.humanizer.playback_features import is_played
from trapgen.model.humanizer.spec import HumanizerSpec
from trapgen.model.humanizer.spec import weight_shapes as humanizer_shapes
from trapgen.model.layers import log_softmax
from trapgen.model.words.conditions import (
    AUTO,
    Names,
    choose_condition,
    choose_style,
    list_conditions,
    list_styles,
    name_conditions,
    name_loop,
    number_conditions,
)
from trapgen.model.words.files import hash_model, load_network, load_start, save_network
from trapgen.model.words.inputs import LagSimilarity, iterate_inputs, make_inputs, make_step_inputs
from trapgen.model.words.network import Network
from trapgen.model.words.spec import TOKEN_TABLE, Array, ModelSpec, Tokens, weight_shapes
