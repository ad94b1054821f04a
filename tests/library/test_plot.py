import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trapgen import render as plot
from trapgen.core import DrumLoop, Lineage, ParameterError, kit

HISTORY = {"train": [3.0, 2.1, 1.6, 1.3, 1.1], "validation": [3.1, 2.3, 1.9, 1.8, 1.85]}
BESIDE = {**HISTORY, "control_loss": [3.0, 2.0, 1.5, 1.2, 1.0]}
RNG = np.random.default_rng(0)
TRAIN = {"density": RNG.normal(0.2, 0.05, 300), "hits per bar": RNG.poisson(14, 300)}
GENERATED = {"density": RNG.normal(0.25, 0.05, 60), "hits per bar": RNG.poisson(16, 60)}


def trap_loop(n_bars=4, steps_per_bar=32, **options):
    """Kicks, a backbeat and hats with rolls at the full speed of the grid."""
    velocities = np.zeros((n_bars, steps_per_bar, kit.N_VOICES), np.uint8)
    sixteenth = steps_per_bar // 16
    velocities[:, :: 2 * sixteenth, kit.CLOSED_HAT] = 80
    velocities[:, 12 * sixteenth :, kit.CLOSED_HAT] = np.arange(4 * sixteenth) * 6 + 40
    velocities[:, 8 * sixteenth, kit.SNARE] = 112
    velocities[:, [0, 6 * sixteenth, 11 * sixteenth], kit.KICK] = 118
    velocities[0, 0, kit.CRASH] = 100
    return DrumLoop(velocities.reshape(-1, kit.N_VOICES), steps_per_bar, **options)


def with_hit(loop, step, voice, velocity, offset=0.0):
    velocities, offsets = loop.velocities.copy(), loop.offsets.copy()
    velocities[step, voice], offsets[step, voice] = velocity, offset
    return DrumLoop(velocities, loop.steps_per_bar, loop.bpm, offsets, loop.lineage)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def changed(one, other):
    """Rows and columns of the pixels that differ."""
    return np.nonzero((one != other).any(axis=2))


TABLES = {"word": [(0.15, 0.1), (0.5, 0.45), (0.96, 0.97)], "closed_hat": [(0.02, 0.01)]}
DISTANCES = {"generated": RNG.normal(0.5, 0.06, 90), "held_out": RNG.normal(0.45, 0.08, 60)}
COVERS = {"kick_density": (0.93, 0.8, 1.1), "velocity": (0.7, 0.6, 0.85), "backbeat": (1, 1, 1)}

DRAWINGS = {
    "loop": lambda path: plot.draw_loop(trap_loop(), path, title="Night shift"),
    "history": lambda path: plot.draw_history(HISTORY, path, best_epoch=4),
    "control": lambda path: plot.draw_history(BESIDE, path, best_epoch=4),
    "features": lambda path: plot.draw_features(TRAIN, GENERATED, path),
    "calibration": lambda path: plot.draw_reliability(TABLES, path),
    "distances": lambda path: plot.draw_distances(DISTANCES, path),
    "covers": lambda path: plot.draw_covers(COVERS, 0.9, path),
}
each_drawing = pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)


@each_drawing
def test_two_draws_are_the_same_bytes_whatever_the_users_style(draw, tmp_path):
    draw(tmp_path / "one.png")
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9, "savefig.dpi": 33}):
        draw(tmp_path / "other.png")
        assert matplotlib.rcParams["font.size"] == 20
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


@each_drawing
def test_a_picture_is_a_whole_png_on_paper_with_ink_and_no_software_stamp(draw, tmp_path):
    path = tmp_path / "new" / "picture.png"
    draw(path)
    assert list(path.parent.iterdir()) == [path]
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert "Software" not in image.info
    seen = pixels(path)
    paper = np.array([0xFB, 0xFA, 0xF7])
    border = np.concatenate([seen[:6].reshape(-1, 3), seen[:, :6].reshape(-1, 3)])
    assert (border == paper).all()
    assert 0.01 < (seen != paper).any(axis=2).mean() < 0.5
    assert seen.sum(axis=2).min() < 200


@pytest.mark.slow
def test_threads_draw_the_same_as_one_and_leave_the_style_alone(tmp_path):
    keys = ("font.size", "figure.facecolor", "axes.spines.top", "text.parse_math")
    before = [matplotlib.rcParams[key] for key in keys]
    jobs = [(name, number) for number in range(3) for name in DRAWINGS]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(DRAWINGS[n], tmp_path / f"{n}{i}.png") for n, i in jobs]:
            done.result()
    assert [matplotlib.rcParams[key] for key in keys] == before
    for name in DRAWINGS:
        assert len({(tmp_path / f"{name}{number}.png").read_bytes() for number in range(3)}) == 1


def test_matplotlib_waits_for_the_first_picture_and_pyplot_forever(tmp_path):
    script = (
        "import sys, pathlib\n"
        "from trapgen import render as plot\n"
        "assert 'matplotlib' not in sys.modules\n"
        "plot.draw_features({'a': [1]}, {'a': [2]}, pathlib.Path(sys.argv[1]))\n"
        "assert 'matplotlib.figure' in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    path = tmp_path / "features.png"
    ran = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr, path.exists()) == (0, "", True)


@pytest.mark.parametrize("voice", range(kit.N_VOICES), ids=[v.name for v in kit.VOICES])
def test_a_hit_changes_the_picture_in_its_lane_at_its_time(voice, tmp_path):
    loop = trap_loop()
    plot.draw_loop(loop, tmp_path / "without.png", title="x")
    plot.draw_loop(with_hit(loop, 70, voice, 127), tmp_path / "with.png", title="x")
    without, hit = pixels(tmp_path / "without.png"), pixels(tmp_path / "with.png")
    rows, columns = changed(without, hit)
    grid = rows > 110  # below the header, whose count of hits changes too
    rows, columns = rows[grid], columns[grid]
    left = (1.1 + 70 / 32 * 2.6) * 150
    assert left - 2 <= columns.min() <= columns.max() <= left + 2.6 / 38 * 150 + 2
    # Lanes of 0.26 inches, the last voice on top.
    top = (0.85 + 0.15 + (kit.N_VOICES - 1 - voice) * 0.26) * 150
    assert top - 1 <= rows.min() <= rows.max() <= top + 0.26 * 150 + 1


def test_velocity_is_shade_and_height(tmp_path):
    empty, dark = DrumLoop(np.zeros((32, kit.N_VOICES))), []
    plot.draw_loop(empty, tmp_path / "empty.png")
    for velocity in (1, 64, 127):
        plot.draw_loop(with_hit(empty, 12, kit.SNARE, velocity), tmp_path / "hit.png")
        seen = pixels(tmp_path / "hit.png")
        rows, columns = changed(pixels(tmp_path / "empty.png"), seen)
        lane = rows > 110
        brightness = seen[rows[lane], columns[lane]].sum(axis=1)
        dark.append((np.ptp(rows[lane]), -brightness.min()))
    heights, shades = zip(*dark, strict=True)
    assert heights[0] < heights[1] < heights[2]
    assert shades[0] < shades[1] < shades[2]


def test_microtiming_moves_a_hit(tmp_path):
    empty, lefts = DrumLoop(np.zeros((16, kit.N_VOICES)), 16), []
    plot.draw_loop(empty, tmp_path / "empty.png")
    for offset in (-0.5, 0.0, 0.49):
        plot.draw_loop(with_hit(empty, 6, kit.KICK, 100, offset), tmp_path / "hit.png")
        rows, columns = changed(pixels(tmp_path / "empty.png"), pixels(tmp_path / "hit.png"))
        lefts.append(columns[rows > 110].min())
    sixteenth = 2.6 * 150 / 16
    assert np.diff(lefts) == pytest.approx([0.5 * sixteenth, 0.49 * sixteenth], abs=1.5)


def test_a_hit_before_the_first_bar_line_is_drawn_whole(tmp_path):
    empty = DrumLoop(np.zeros((16, kit.N_VOICES)), 16)
    plot.draw_loop(empty, tmp_path / "empty.png")
    plot.draw_loop(with_hit(empty, 0, kit.CRASH, 127, -0.5), tmp_path / "hit.png")
    rows, columns = changed(pixels(tmp_path / "empty.png"), pixels(tmp_path / "hit.png"))
    assert columns[rows > 110].min() == pytest.approx((1.1 - 0.5 / 16 * 2.6) * 150, abs=2)


def test_the_picture_grows_with_bars_in_rows_of_four(tmp_path):
    sizes = []
    for n_bars in (1, 2, 4, 5, 8, 9):
        plot.draw_loop(trap_loop(n_bars), tmp_path / "loop.png")
        sizes.append(pixels(tmp_path / "loop.png").shape[:2])
    heights, widths = zip(*sizes, strict=True)
    assert widths[0] < widths[1] < widths[2] == widths[3] == widths[4] == widths[5]
    assert heights[0] == heights[1] == heights[2] < heights[3] == heights[4] < heights[5]


def test_a_hit_is_drawn_in_its_own_row_only(tmp_path):
    loop = DrumLoop(np.zeros((5 * 32, kit.N_VOICES)))
    plot.draw_loop(loop, tmp_path / "empty.png")
    one_row = (0.85 + kit.N_VOICES * 0.26 + 0.3) * 150
    for step, above in ((4 * 32 - 1, True), (4 * 32, False)):
        plot.draw_loop(with_hit(loop, step, kit.RIDE, 127), tmp_path / "hit.png")
        rows, _ = changed(pixels(tmp_path / "empty.png"), pixels(tmp_path / "hit.png"))
        rows = rows[rows > 110]
        assert ((rows < one_row) == above).all()


def test_a_grid_of_any_fineness_gives_a_picture_of_one_size(tmp_path):
    shapes = set()
    for steps_per_bar in (16, 24, 32, 48, 96):
        plot.draw_loop(DrumLoop(np.ones((steps_per_bar, 9)), steps_per_bar), tmp_path / "loop.png")
        shapes.add(pixels(tmp_path / "loop.png").shape)
    assert len(shapes) == 1


def test_the_title_falls_back_on_the_loops_id_and_is_never_math(tmp_path):
    def draw(name, loop, title=""):
        plot.draw_loop(loop, tmp_path / name, title=title)
        return (tmp_path / name).read_bytes()

    named = draw("id.png", trap_loop(lineage=Lineage(loop_id=r"$\frac$")))
    assert named == draw("title.png", trap_loop(), r"$\frac$")
    assert named != draw("none.png", trap_loop())
    long = "a title that has no end " * 20
    assert draw("long.png", trap_loop(1), long) == draw("longer.png", trap_loop(1), long + "at all")


def test_history_marks_the_best_epoch(tmp_path):
    for best in (None, 1, 4):
        plot.draw_history(HISTORY, tmp_path / f"{best}.png", best_epoch=best)
    none, first, fourth = (pixels(tmp_path / f"{best}.png") for best in (None, 1, 4))
    assert changed(none, first)[1].mean() < changed(none, fourth)[1].mean()


def test_history_shades_the_gap_between_validation_and_the_control(tmp_path):
    def shaded(history):
        plot.draw_history(history, tmp_path / "history.png", best_epoch=None)
        rows = pixels(tmp_path / "history.png")[200:520]
        return (rows == (0xE2, 0xDF, 0xD8)).all(axis=2).sum()

    narrow = {**BESIDE, "control_loss": [3.0, 2.2, 1.8, 1.7, 1.75]}
    closed = {**BESIDE, "control_loss": HISTORY["validation"]}
    assert shaded(BESIDE) > 1.5 * shaded(narrow) > 0
    assert shaded(closed) == shaded(HISTORY) == 0


def test_history_leaves_its_height_to_what_is_judged(tmp_path):
    blue = (0x00, 0x72, 0xB2)
    kept = {"validation": [1.2, 0.8, 0.7], "control_loss": [1.1, 0.7, 0.5]}
    for top in (5.0, 50.0):
        history = {"train": [top, 0.9, 0.6], **kept}
        plot.draw_history(history, tmp_path / f"{top}.png", best_epoch=3)
    low, high = (pixels(tmp_path / f"{top}.png") for top in (5.0, 50.0))
    assert (low == blue).all(axis=2).sum() > 100
    rows, _ = changed(low, high)
    # Only the way down from the first epoch differs: the axis is the same, for either.
    assert len(rows) < 2000


@given(losses=st.lists(st.floats(0, 20), min_size=1, max_size=12), data=st.data())
@settings(max_examples=15, deadline=None)
def test_history_draws_whatever_is_finite(losses, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("history") / "history.png"
    best = data.draw(st.integers(1, len(losses)))
    plot.draw_history({"train": losses}, path, best_epoch=best)
    assert pixels(path).shape == (630, 1050, 3)


@pytest.mark.parametrize(
    ("history", "best_epoch", "name"),
    [
        ({}, None, "history"),
        ({"train": []}, None, "history"),
        ({"train": [1.0], "validation": []}, None, "history"),
        ({"validation": [1.0, 0.9], "control_loss": [1.0]}, 2, "history"),
        ({"train": [1.0, float("nan")]}, None, "history"),
        ({"train": [float("inf")]}, None, "history"),
        (HISTORY, 0, "best_epoch"),
        (HISTORY, 6, "best_epoch"),
    ],
)
def test_history_refuses_what_it_cannot_draw(history, best_epoch, name, tmp_path):
    with pytest.raises(ParameterError, match=rf"^{name} must be .*received"):
        plot.draw_history(history, tmp_path / "history.png", best_epoch=best_epoch)
    assert not list(tmp_path.iterdir())


def test_features_grow_by_rows_of_three_and_show_both_sets(tmp_path):
    sizes = []
    for n_features in (1, 3, 4, 7):
        train = {f"feature_{number}": [0, 1, 2, 2] for number in range(n_features)}
        plot.draw_features(train, train, tmp_path / "features.png")
        sizes.append(pixels(tmp_path / "features.png").shape[:2])
    heights, widths = zip(*sizes, strict=True)
    assert heights[0] == heights[1] < heights[2] < heights[3]
    assert widths[0] < widths[1] == widths[2] == widths[3]
    for train, generated in ((TRAIN, TRAIN), (GENERATED, TRAIN), (GENERATED, GENERATED)):
        plot.draw_features(train, generated, tmp_path / "other.png")
        plot.draw_features(TRAIN, GENERATED, tmp_path / "features.png")
        rows, _ = changed(pixels(tmp_path / "features.png"), pixels(tmp_path / "other.png"))
        assert len(rows) > 100


def test_features_draw_a_constant_and_a_single_value(tmp_path):
    plot.draw_features({"a": [0.5, 0.5], "b": [3]}, {"a": [0.5], "b": [3]}, tmp_path / "f.png")
    seen = pixels(tmp_path / "f.png")
    assert (seen == (0xD5, 0x5E, 0x00)).all(axis=2).any()


@pytest.mark.parametrize(
    ("train", "generated", "name"),
    [
        ({}, {}, "generated"),
        ({"a": [1.0]}, {"b": [1.0]}, "generated"),
        ({"a": [1.0]}, {"a": []}, "generated"),
        ({"a": [float("nan")]}, {"a": [1.0]}, "train"),
    ],
)
def test_features_refuse_what_they_cannot_draw(train, generated, name, tmp_path):
    with pytest.raises(ParameterError, match=rf"^{name} must be"):
        plot.draw_features(train, generated, tmp_path / "features.png")


def test_features_below_the_bound_stand_out(tmp_path):
    for name, ratio in (("low", 0.5), ("high", 0.95)):
        plot.draw_covers({"density": (ratio, 0.4, 1.0)}, 0.9, tmp_path / f"{name}.png")
        seen = pixels(tmp_path / f"{name}.png")
        vermilion = (seen == (0xD5, 0x5E, 0x00)).all(axis=2).sum()
        blue = (seen == (0x00, 0x72, 0xB2)).all(axis=2).sum()
        assert (vermilion > 50, blue > 50) == (ratio < 0.9, ratio >= 0.9)


def test_calibration_shows_every_table_and_distances_both_kinds(tmp_path):
    plot.draw_reliability(TABLES, tmp_path / "both.png")
    plot.draw_reliability({"word": TABLES["word"]}, tmp_path / "one.png")
    assert len(changed(pixels(tmp_path / "both.png"), pixels(tmp_path / "one.png"))[0]) > 50
    for name in DISTANCES:
        other = {**DISTANCES, name: DISTANCES[name] + 0.2}
        plot.draw_distances(DISTANCES, tmp_path / "ours.png")
        plot.draw_distances(other, tmp_path / "other.png")
        ours, theirs = pixels(tmp_path / "ours.png"), pixels(tmp_path / "other.png")
        assert len(changed(ours, theirs)[0]) > 100


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (lambda path: plot.draw_reliability({}, path), "tables"),
        (lambda path: plot.draw_reliability({"word": []}, path), "tables"),
        (lambda path: plot.draw_distances({"generated": [0.5]}, path), "distances"),
        (lambda path: plot.draw_covers({"a": (1, float("nan"), 1)}, 0.9, path), "covers"),
    ],
)
def test_figures_of_an_evaluation_refuse_what_they_cannot_draw(draw, name, tmp_path):
    with pytest.raises(ParameterError, match=rf"^{name} must be"):
        draw(tmp_path / "figure.png")
