"""Generation of new loops: batched decoding, one network step per token, constrained by masks."""

from trapgen.generate.decode import sample_words
from trapgen.generate.generator import (
    Generator,
    draw_loops,
    generate,
    generate_in_memory,
    load_generator,
    regenerate,
)
from trapgen.generate.receipt import read_generation_recipe, to_midi
from trapgen.generate.render_loops import DecodedLoop
