"""Generate loops with the model: MIDI, audio, picture and receipt."""

from pathlib import Path

from tasks.places import MODEL, SAMPLES, check_prompts, read_params
from tasks.tracking.model_run import track_samples
from trapgen.generate import generate, load_generator

VERSION = "7"


def run(root: Path) -> None:
    """Read `data/model`, write `data/samples`."""
    params = read_params(root)
    check_prompts(root, params.sample)
    generator = load_generator(root / MODEL)
    receipts = generate(generator, params.sample, params.seed, root / SAMPLES, overwrite=True)
    track_samples(root, generator.model_hash, root / SAMPLES)
    distances = [receipt["nearest"][0]["distance"] for receipt in receipts]
    print(
        f"sample: {len(receipts)} loops in {SAMPLES}; the nearest training loop differs in "
        f"{min(distances):.0%} to {max(distances):.0%} of the hits"
    )
