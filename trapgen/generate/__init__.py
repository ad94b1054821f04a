"""Generation of new loops: batched decoding, one network step per token, constrained by masks."""

from trapgen.generate.decode import sample_words
from trapgen.generate.draw import Generator, load_generator
from trapgen.generate.generator import draw_loops, generate, generate_in_memory, regenerate
from trapgen.generate.receipt import is_sealed, read_generation_recipe, to_midi
from trapgen.generate.render_loops import DecodedLoop
