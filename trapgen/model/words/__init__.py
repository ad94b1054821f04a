"""The model: what it is told at each step, its network without TensorFlow, and its folder on disk.

A stack of LSTMs reads the loop's tokens and predicts the next word or BAR at every step. Three
architectures share that heart:

- `paper` is the network of Choi et al. 2016 (arXiv 1604.05358): the last token alone, one score a
  word.
- `lookback` is told, beside the last token, where in the bar and the loop it stands and the words
  of the same step some bars ago (after Waite 2016, Lookback RNN, Magenta). Its scores add three
  things: one a word, one a voice that sounds in the word, and one for repeating each word that it
  looks back to.
- `recall` looks back further, and weighs the places by how alike they are to where the loop
  stands: a small layer reads how the last steps differed from those before each place, heads of
  attention over the places (Bahdanau et al. 2015, arXiv 1409.0473) tell the LSTMs which voices to
  expect, and a pointer (See et al. 2017, arXiv 1704.04368; Merity et al. 2017, arXiv 1609.07843)
  may copy a word as it stood. It can be told conditions of the whole loop: style, tempo band, beat
  or fill.

Training is TensorFlow's (`trapgen.model.training`); reading, scoring and sampling need numpy and
ONNX Runtime alone.
"""

from trapgen.model.words.conditions import (
    choose_condition,
    list_conditions,
    list_styles,
    name_conditions,
    name_loop,
    number_conditions,
)
from trapgen.model.words.files import hash_model, load_network, load_start, save_network
from trapgen.model.words.inputs import (
    Agreement,
    Inputs,
    first_token,
    iterate_inputs,
    make_inputs,
    tell,
)
from trapgen.model.words.network import (
    LEAST_PROBABILITY,
    NEVER,
    Network,
    State,
    check_shapes,
    log_softmax,
    sigmoid,
)
from trapgen.model.words.product import RowProducts
from trapgen.model.words.spec import (
    N_AGREEMENTS,
    N_CONDITIONS,
    N_LOOP_BARS,
    N_TOKENS,
    N_TOLD,
    TOKEN_TABLE,
    VOICES_OF_TARGET,
    Array,
    ModelSpec,
    Tokens,
    weight_shapes,
)

__all__ = [
    "LEAST_PROBABILITY",
    "NEVER",
    "N_AGREEMENTS",
    "N_CONDITIONS",
    "N_LOOP_BARS",
    "N_TOKENS",
    "N_TOLD",
    "TOKEN_TABLE",
    "VOICES_OF_TARGET",
    "Agreement",
    "Array",
    "Inputs",
    "ModelSpec",
    "Network",
    "RowProducts",
    "State",
    "Tokens",
    "check_shapes",
    "choose_condition",
    "first_token",
    "hash_model",
    "iterate_inputs",
    "list_conditions",
    "list_styles",
    "load_network",
    "load_start",
    "log_softmax",
    "make_inputs",
    "name_conditions",
    "name_loop",
    "number_conditions",
    "save_network",
    "sigmoid",
    "tell",
    "weight_shapes",
]
