"""The packaged models: there, small, described, and good at once."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from trapgen.core import CLOSED_HAT, SNARE, ParameterError, SampleParams
from trapgen.evaluate.metrics.score import bar_accuracy
from trapgen.factory import GRIDS, factory_folder
from trapgen.generate import draw_loops, generate, load_generator
from trapgen.ingest import CREDIT
from trapgen.model import list_styles


@pytest.fixture(scope="module", params=GRIDS)
def grid(request):
    return request.param


@pytest.fixture(scope="module")
def generator(grid):
    return load_generator(factory_folder(grid))


def test_all_models_together_are_at_most_8_mb():
    files = [path for grid in GRIDS for path in factory_folder(grid).iterdir()]
    assert sum(path.stat().st_size for path in files) <= 8e6


def test_another_grid_is_refused_with_those_there_are():
    with pytest.raises(ParameterError, match="16, 32"):
        factory_folder(48)


def test_a_model_counts_as_its_folder_says_and_knows_trap(generator, grid):
    assert generator.network.spec.steps_per_bar == grid
    assert {"trap", "trap/drill", "funk"} < set(list_styles(generator.network.spec))
    assert generator.humanizer.spec.offsets
    assert len(generator.held_out) > 100


def test_the_model_card_has_the_figures_and_credits_groove(grid):
    folder = factory_folder(grid)
    card, figures = (
        (folder / "MODEL_CARD.md").read_text(),
        json.loads((folder / "figures.json").read_text()),
    )
    assert CREDIT.strip() in card
    assert f"| Groove, test | {figures['groove']['test']['model']:.3f} |" in card
    for goal in figures["starter"]["goals"].values():
        assert f"| {goal['value']:.3f} |" in card
    # 55% of what the back-off n-gram needs.
    for bits in figures["groove"].values():
        assert bits["model"] < 0.55 * bits["ngram"]
    assert "does not hold" not in card


def test_loops_without_options_close_bars_have_snares_on_3_and_hat_rolls(generator, grid):
    loops, decoded_loops = draw_loops(
        generator, SampleParams(loops=48, structure="learned"), seed=1
    )
    assert bar_accuracy(decoded_loops, grid) >= 0.995
    snares = [loop.onsets[grid // 2 :: grid, SNARE].mean() for loop in loops]
    assert sum(snares) / len(snares) >= 0.9
    if grid == 32:
        thirty_seconds = sum(loop.onsets[1::2, CLOSED_HAT].any() for loop in loops)
        assert 8 <= thirty_seconds <= 44
    assert len({loop.velocities.tobytes() for loop in loops}) == len(loops)


# Draws so many loops, and prints the peak of its memory in KiB.
DRAW = """
import sys
from trapgen.core import SampleParams
from trapgen.factory import factory_folder
from trapgen.generate import load_generator
from trapgen.generate.draw import Drawing
params = SampleParams(loops=int(sys.argv[1]))
drawn = Drawing.begin(load_generator(factory_folder(32)), params, 0).draw()
assert sum(map(len, drawn)) == params.loops
# Not `ru_maxrss`, which begins with the peak of the process that started this one.
[peak] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(peak.split()[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts memory in KiB")
def test_memory_does_not_grow_with_the_number_of_loops():
    some, many = (
        int(subprocess.check_output([sys.executable, "-c", DRAW, str(n)])) for n in (100, 600)
    )
    # What 500 loops would need, if they were all held, is over a gigabyte.
    assert many < some + 150 * 1024
    assert many < 700 * 1024


@pytest.mark.slow
def test_a_loop_is_the_same_bytes_in_any_batch(generator, tmp_path):
    params = SampleParams(loops=1, bars=1, humanize=1.0)
    generate(generator, params, 3, tmp_path / "alone")
    many = SampleParams(loops=7, bars=1, humanize=1.0)
    generate(generator, many, 3, tmp_path / "many")
    for ending in ("mid", "wav", "png", "json"):
        name = f"trap-140bpm-3-00001.{ending}"
        assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "many" / name).read_bytes()


@pytest.mark.slow
def test_without_a_model_the_command_takes_the_packaged_one_and_no_tensorflow(tmp_path):
    script = (
        "import sys\n"
        "from trapgen.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    assert 'tensorflow' not in sys.modules\n"
    )
    options = ["--loops", "2", "--bars", "1", "--style", "drill", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", script, "generate", "--out", "loops", *options],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    receipts = json.loads(done.stdout)["loops"]
    assert [receipt["steps_per_bar"] for receipt in receipts] == [32, 32]
    assert all(receipt["style"] == "drill" for receipt in receipts)
    assert len(list((tmp_path / "loops").iterdir())) == 8
    receipt = "loops/trap-drill-140bpm-0-00002.json"
    again = subprocess.run(
        [sys.executable, "-m", "trapgen.cli", "regenerate", receipt, "--out", "b"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    for path in (tmp_path / "b").iterdir():
        assert path.read_bytes() == (tmp_path / "loops" / path.name).read_bytes()
