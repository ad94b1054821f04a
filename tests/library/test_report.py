"""The pages: what they say, that they stand alone, and that nothing from a file name gets out."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trapgen import plot
from trapgen.audit import audit_sides
from trapgen.augment import augment_sides
from trapgen.errors import InputError, ParameterError
from trapgen.kit import CLOSED_HAT, KICK, N_VOICES, SNARE
from trapgen.loop import DrumLoop, Lineage, repeat_to, rotate, source_id
from trapgen.params import AuditParams, AugmentParams, SplitParams
from trapgen.report import write_audit_report, write_evaluation_report
from trapgen.report.grid import align, describe_differences, draw_pair
from trapgen.report.page import percent, tag
from trapgen.split import split_sources
from trapgen.starter import load_starter

AUDIT = AuditParams(chance_replicates=4, self_test_leaks=5)
AUGMENT = AugmentParams(train_loops=60, validation_loops=15, test_loops=15)
HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">&amp;'


class Page(HTMLParser):
    """A page taken apart: its elements, its text, and whether its tags match."""

    VOID = frozenset({"meta", "link", "img"})

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements, self.words, self.stack = [], [], []
        self.feed(self.source)
        self.close()
        assert self.stack == []
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name not in self.VOID:
            self.stack.append(name)

    def handle_startendtag(self, name, attributes):
        self.elements.append((name, dict(attributes)))

    def handle_endtag(self, name):
        assert self.stack.pop() == name

    def handle_data(self, data):
        self.words.append(data)

    def all(self, name, /, **wanted):
        wanted = {key.rstrip("_"): value for key, value in wanted.items()}
        return [
            found
            for kind, found in self.elements
            if kind == name and wanted.items() <= found.items()
        ]


def loop(hits, name, bars=1, sources=None, **lineage):
    """A loop at 16 steps a bar of `(step, voice)` hits."""
    velocities = np.zeros((16 * bars, N_VOICES), np.uint8)
    velocities[tuple(np.array(hits).T)] = 100
    sources = (name,) if sources is None else sources
    return DrumLoop(velocities, 16, lineage=Lineage(name, sources, **lineage))


def random_loop(rng, name, bars=2, steps_per_bar=16, density=0.1, **lineage):
    velocities = np.where(rng.random((steps_per_bar * bars, N_VOICES)) < density, 90, 0)
    velocities[0, KICK] = 90
    found = {"source_ids": (name,), **lineage}
    return DrumLoop(velocities, steps_per_bar, lineage=Lineage(name, **found))


def by_id(sided):
    return {one.lineage.loop_id: one for _, one in sided}


def audit(sided, **options):
    return audit_sides(sided, AUDIT, np.random.default_rng(0), **options)


def write(path, sided, found=None, **options):
    write_audit_report(path, found or audit(sided), by_id(sided), **options)
    return Page(path)


@pytest.fixture(scope="module")
def corpora():
    """Sides of the starter corpus and their audit, by protocol."""
    sources = [
        replace(one, lineage=replace(one.lineage, source_ids=(source_id(one),)))
        for one in load_starter()
    ]
    clean = SplitParams()

    def draw(rng, split=clean):
        sides = split_sources(sources, split, rng)
        return augment_sides(sources, sides, AUGMENT, split, rng)

    found = {}
    for protocol in ("by_source", "random_windows"):
        sided = draw(np.random.default_rng(1), SplitParams(protocol))
        found[protocol] = sided, audit(sided, protocol=protocol, draw_independent=draw)
    return found


@pytest.fixture(scope="module")
def pages(corpora, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    return {
        protocol: write(folder / f"{protocol}.html", *found, data_docs="data_docs/index.html")
        for protocol, found in corpora.items()
    }


def assert_stands_alone(page):
    """Nothing is loaded, nothing runs, every anchor leads somewhere, every picture has words."""
    assert page.all("script") == []
    (styles,) = re.findall(r"<style>(.*?)</style>", page.source, re.DOTALL)
    assert not re.search(r"url\(|@import|//", styles)
    ids = [found["id"] for _, found in page.elements if "id" in found]
    assert len(ids) == len(set(ids))
    for name, found in page.elements:
        assert not [key for key in found if key.startswith("on") or key == "style"]
        for key in ("href", "src", "srcset", "data", "action", "poster"):
            address = found.get(key, "")
            assert not re.match(r"\s*([a-z]+:)?//|javascript:", address, re.IGNORECASE), address
            assert not address.startswith("#") or address[1:] in ids
        if name == "img":
            assert found["src"].startswith("data:image/png;base64,")
            assert found["alt"]
    for svg in page.all("svg"):
        assert svg.get("aria-hidden") == "true" or svg["aria-label"]


# The audit's page


def test_a_pass_says_so_and_shows_what_it_rests_on(corpora, pages):
    (_, found), page = corpora["by_source"], pages["by_source"]
    assert found.gate == "pass"
    assert " PASS The held-out loops are independent" in page.text
    assert "REFUSE" not in page.text
    assert page.all("div", class_="verdict pass")
    assert "Sources were dealt to the sides first" in page.text
    for side, number in found.n_loops.items():
        assert re.search(rf"{side} {number} {found.n_sources[side]} ", page.text)
        assert f"{found.effective_sources[side]:.1f}" in page.text
    assert f"{found.self_test['found']} of {found.self_test['injected']} planted leaks" in page.text
    for kind in found.self_test["recall"]:
        assert kind in page.text
    assert "None: no held-out loop is near a training loop" in page.text
    assert page.all("a", href="data_docs/index.html")


def test_a_refusal_says_why_and_what_helps(corpora, pages):
    (_, found), page = corpora["random_windows"], pages["random_windows"]
    assert found.gate == "refuse"
    assert " REFUSE Do not trust figures" in page.text
    assert page.all("div", class_="verdict refuse")
    assert len(found.reasons) >= 3
    for reason in found.reasons:
        assert reason in page.text
    assert "split sources before recombining them" in page.text.lower()
    assert "cut into bars, and the bars dealt to the sides at random" in page.text
    (chart,) = page.all("svg", class_="chart")
    for share in (found.exact_bar_overlap, *found.exact_bar_overlap_by_side.values()):
        assert percent(share) in chart["aria-label"]
    assert f"by chance {percent(found.chance.low)} to {percent(found.chance.high)}" in page.text
    assert percent(found.near_bar_overlap) in page.text


def test_pairs_are_drawn_nearest_first_and_the_rest_counted(corpora, pages):
    (_, found), page = corpora["random_windows"], pages["random_windows"]
    boxes = page.all("details")
    assert 0 < len(boxes) <= 30
    for kind, name in (
        ("exact_loop", "The same loop on both sides"),
        ("near_loop", "Nearly the same loop"),
        ("shared_source", "Different loops made of a common source"),
    ):
        total = found.n_pairs[kind]
        assert total > 0
        heading = page.text.index(f"{name}: {total:,} pair")
        drawn = page.text[heading:].split("What differs")[0]
        assert "All of them are drawn" in drawn or re.search(r"\d+ are drawn; [\d,]+ more", drawn)
    distances = [float(x) for x in re.findall(r"(0\.\d\d) apart", page.text)]
    falls = np.flatnonzero(np.diff(distances) < 0)
    assert len(falls) <= 1
    assert "identical" in page.text


def test_a_pair_shows_its_difference_its_move_and_its_lineage(tmp_path):
    rng = np.random.default_rng(3)
    parent = random_loop(rng, "the-parent", density=0.2)
    turned = rotate(parent, 8)
    velocities = np.array(turned.velocities)
    step, voice = np.argwhere(velocities)[5]
    velocities[step, voice] = 0
    child = replace(
        turned,
        velocities=velocities,
        lineage=Lineage("the-child", ("the-parent",), parents=("the-parent", "another")),
    )
    others = [("train", random_loop(rng, f"other-{i}", density=0.2)) for i in range(9)]
    sided = [("train", parent), *others, ("test", child)]
    page = write(tmp_path / "page.html", sided)
    assert page.text.count("the-parent train ↔ the-child test") == 2  # near, and of one source
    assert f"1 of {parent.n_onsets} hits: " in page.text
    assert "held-out loop rotated by 6 beats" in page.text
    assert "Shared sources the-parent" in page.text
    assert "Common parents the-parent" in page.text
    assert "Bars 1 to 2: " in page.all("svg", class_="grid")[0]["aria-label"]
    labels = " ".join(svg["aria-label"] for svg in page.all("svg", class_="grid"))
    assert " 1 only in the training loop, 0 only in the held-out loop" in labels
    assert len(page.all("path", class_="mark")) == 2


def test_dropped_duplicates_are_listed_with_the_reason(tmp_path):
    rng = np.random.default_rng(4)
    loops = [random_loop(rng, f"loop-{i:02}") for i in range(20)]
    copies = [
        replace(one, lineage=Lineage(f"copy-{i:02}", one.lineage.source_ids))
        for i, one in enumerate(loops[:15])
    ]
    sided = [("train", one) for one in [*loops[:18], *copies]]
    sided += [("validation", one) for one in loops[18:]]
    page = write(tmp_path / "page.html", sided)
    assert "train 33 15 18" in page.text
    assert "validation 2 0 2" in page.text
    assert "The first 12 of 15 dropped" in page.text
    assert "copy-11 train same words as loop-11" in page.text
    assert "copy-12" not in page.text.split("Duplicates within a side")[1]


def test_an_unknown_chance_and_a_self_test_without_leaks_are_not_hidden(tmp_path):
    sided = [
        ("train", loop([(0, KICK), (8, SNARE)], "one")),
        ("elsewhere", loop([(4, KICK), (6, CLOSED_HAT)], "two")),
    ]
    found = audit(sided)
    page = write(tmp_path / "page.html", sided, found)
    assert found.chance.replicates == 0
    assert "by chance not known" in page.text
    assert "What chance gives is not known" in page.text
    assert "no training loop has enough hits" in page.text
    assert "how they were made is not known" in page.text
    assert "Elsewhere 0%" in page.text
    assert "data_docs" not in page.source


def test_a_pair_without_its_loop_is_an_error(tmp_path):
    twin = loop([(0, KICK), (8, SNARE)], "twin")
    sided = [("train", loop([(0, KICK), (8, SNARE)], "one")), ("test", twin)]
    with pytest.raises(ParameterError, match=r"every loop of the audit by its id .*'twin'"):
        write_audit_report(tmp_path / "page.html", audit(sided), by_id(sided[:1]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("protocol", ["by_source", "random_windows"])
def test_the_page_stands_alone_and_is_small(pages, protocol):
    assert_stands_alone(pages[protocol])
    assert len(pages[protocol].source) < 1_000_000
    assert pages[protocol].all("meta", name="viewport")
    assert "prefers-color-scheme: dark" in pages[protocol].source


def test_thirty_pairs_of_the_densest_loops_stay_under_five_mebibytes(tmp_path):
    rng = np.random.default_rng(5)
    train = [random_loop(rng, f"a{i}", 8, 96, 0.5, source_ids=(f"s{i}",)) for i in range(31)]
    test = [random_loop(rng, f"b{i}", 8, 96, 0.5, source_ids=(f"s{i}",)) for i in range(31)]
    sided = [*(("train", one) for one in train), *(("test", one) for one in test)]
    page = write(tmp_path / "page.html", sided)
    assert len(page.all("details")) == 30
    assert "Bars 1 to 4 of 8" in page.text
    assert (tmp_path / "page.html").stat().st_size < 5 * 2**20


def test_the_same_audit_gives_the_same_bytes(corpora, tmp_path):
    for name in ("one", "other"):
        write_audit_report(
            tmp_path / name, corpora["random_windows"][1], by_id(corpora["random_windows"][0])
        )
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_name_stays_text(tmp_path, name):
    hits = [(step, KICK) for step in range(0, 16, 2)]
    parts = {"parents": (name,), "recipe": "{}"}
    sided = [("train", loop(hits, name, sources=(name,))), ("train", loop(hits, "x" + name))]
    sided += [(name, loop(hits, "y" + name, sources=(name,), **parts))]
    page = write(tmp_path / "page.html", sided, data_docs=name)
    assert re.sub(r"\s+", " ", f"{name} train ↔ y{name} {name}").strip() in page.text
    plain = write(
        tmp_path / "plain.html",
        [
            ("train", loop(hits, "a", sources=("a",))),
            ("train", loop(hits, "xa")),
            ("a", loop(hits, "ya", sources=("a",), parents=("a",), recipe="{}")),
        ],
        data_docs="a",
    )
    # The page has the elements that it has for a plain name, no more and no less.
    assert [kind for kind, _ in page.elements] == [kind for kind, _ in plain.elements]
    assert [list(found) for _, found in page.elements] == [
        list(found) for _, found in plain.elements
    ]


def test_a_hostile_name_is_shown_as_it_is(tmp_path):
    hits = [(step, SNARE) for step in range(0, 16, 3)]
    sided = [("train", loop(hits, HOSTILE)), ("test", loop(hits, f"2{HOSTILE}"))]
    page = write(tmp_path / "page.html", sided)
    assert HOSTILE in page.text
    assert_stands_alone(page)


def test_a_name_that_is_no_text_does_not_stop_the_page(tmp_path):
    hits = [(0, KICK), (4, SNARE)]
    sided = [("train", loop(hits, "caf\udce9")), ("test", loop(hits, "other"))]
    assert "caf?" in write(tmp_path / "page.html", sided).text


# Loops over each other


@given(
    seed=st.integers(0, 2**32 - 1),
    bars=st.sampled_from([1, 2, 4]),
    times=st.integers(1, 3),
    beats=st.integers(0, 15),
)
def test_a_loop_turned_and_repeated_lies_exactly_on_itself(seed, bars, times, beats):
    one = random_loop(np.random.default_rng(seed), "one", bars)
    other = rotate(repeat_to(one, bars * times), 4 * beats)
    ours, theirs, match = align(one, other)
    assert match.distance == 0
    assert np.array_equal(ours.onsets, theirs.onsets)
    assert describe_differences(ours, theirs) == f"none of {ours.n_onsets} hits"
    assert "vermilion" not in draw_pair(ours, theirs)


def test_differences_are_named_by_voice_and_place():
    one = loop([(0, KICK), (4, SNARE), (18, CLOSED_HAT)], "one", bars=2)
    other = loop([(0, KICK), (4, SNARE), (21, CLOSED_HAT)], "other", bars=2)
    assert describe_differences(one, other) == (
        "2 of 4 hits: closed hat in bar 2, beat 1.5 (only in train); "
        "closed hat in bar 2, beat 2.25 (only in the held-out loop)"
    )
    many = loop([(step, KICK) for step in range(9)], "many", bars=2)
    assert describe_differences(one, many) == "10 of 11 hits"


def test_of_long_loops_the_bars_that_differ_are_drawn():
    one = loop([(0, KICK)], "one", bars=12)
    other = loop([(0, KICK), (16 * 9 + 3, SNARE)], "other", bars=12)
    drawn = draw_pair(one, other)
    assert "Bars 9 to 12 of 12." in drawn
    assert drawn.count("<svg") == 2
    assert "M19 " in drawn


# Markup


def test_markup_escapes_what_is_not_markup():
    assert tag("b", "<i>", tag("i", "&"), 3) == "<b>&lt;i&gt;<i>&amp;</i>3</b>"
    assert tag("a", href='"><', title=None, open=True, hidden=False) == (
        '<a href="&quot;&gt;&lt;" open></a>'
    )
    assert tag("svg", tag("rect", x=1, class_="a", stroke_width=2)) == (
        '<svg><rect x="1" class="a" stroke-width="2"/></svg>'
    )


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.3226, "32.3%"),
        (0.0004, "0.04%"),
        (4.7e-06, "under 0.01%"),
        (0.9999, "99.99%"),
    ],
)
def test_small_shares_are_not_rounded_away(share, words):
    assert percent(share) == words


# The evaluation's page

BITS = {"model": 1.084, "ngram": 1.682, "position": 2.553, "repeat_bar": 3.021, "uniform": 9.0}
METRICS = {
    "bits_per_step": {"test": BITS, "validation": {**BITS, "model": 1.121}},
    "bar_accuracy": 0.984,
    "exact_copy_rate": 0.031,
    "held_out_copy_rate": 0.004,
    "novelty": {"mean": 0.412, "min": 0.093, "held_out_mean": 0.551, "held_out_min": 0.3},
    "overlap_area": {"kick_density": 0.87, "roll_rate": 0.66},
    "overlap_area_ceiling": {"kick_density": 0.93, "roll_rate": 0.9},
    "more": "than documented",
}
RECEIPT = {
    "loop": "a loop #1",
    "seed": 42,
    "temperature": 0.9,
    "top_p": 0.97,
    "structure": "enforced",
    "bpm": 142.5,
    "primer": "",
    "model": "0123456789abcdef",
    "nearest": [
        {"loop_id": "train/00042", "distance": 0.312, "rotation_beats": 2},
        {"loop_id": "train/00007", "distance": 0.4, "rotation_beats": 0},
    ],
    "n_onsets": 77,
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    history = {"train": [3.0, 1.3], "validation": [3.1, 1.9]}
    plot.draw_history(history, folder / "history.png", best_epoch=2)
    plot.draw_bits(BITS, folder / "bits.png", title="Clean test")
    return {name: folder / f"{name}.png" for name in ("history", "bits")}


@pytest.fixture
def samples(pictures):
    """Two samples; the pictures are whatever lies at hand."""
    copy = {**RECEIPT, "nearest": [{**RECEIPT["nearest"][0], "distance": 0, "rotation_beats": 0}]}
    return [
        {"name": "a loop #1", "picture": pictures["bits"], "receipt": RECEIPT},
        {"name": HOSTILE, "picture": pictures["bits"], "receipt": copy},
    ]


@pytest.fixture
def evaluate(corpora, pictures, samples, tmp_path):
    def run(metrics=METRICS, protocol="by_source", samples=samples, pictures=pictures, name="p"):
        path = tmp_path / f"{name}.html"
        summary = corpora[protocol][1].summary()
        write_evaluation_report(path, metrics, summary, pictures, samples)
        return Page(path)

    return run


def test_the_figures_stand_beside_their_baselines(evaluate):
    page = evaluate()
    assert "AUDIT: PASS 36% fewer bits per step than the best baseline" in page.text
    assert "Validation Test" in page.text
    assert re.search(r"Model what was trained 1\.121 1\.084", page.text)
    for words in ("1.682", "2.553", "3.021", "9.000", "98.4%", "3.1%", "0.412", "0.093", "0.551"):
        assert words in page.text
    assert "Kick density 0.87 0.93" in page.text
    bars = {rect["width"] for rect in page.all("rect") if rect.get("class") == "vermilion"}
    assert f"{100 * 1.084 / 9:.2f}%" in bars
    assert_stands_alone(page)


def test_a_model_that_does_not_beat_its_baselines_is_no_success(evaluate):
    worse = {"test": {**BITS, "model": 1.7}}
    page = evaluate({**METRICS, "bits_per_step": worse})
    assert "The back-off n-gram predicts as well as the model, or better" in page.text
    assert page.all("div", class_="verdict refuse")


def test_data_that_the_audit_refused_gives_no_held_out_figure(evaluate, corpora, pictures):
    page = evaluate(protocol="random_windows")
    assert "AUDIT: REFUSE No figure on held-out loops" in page.text
    for reason in corpora["random_windows"][1].reasons:
        assert reason in page.text
    for words in ("1.084", "1.08", "1.682", "0.551", "Kick density"):
        assert words not in page.text
    embedded = [image["alt"] for image in page.all("img")]
    assert len(embedded) == 2
    assert all(words.startswith("The hits of") for words in embedded)


def test_pictures_are_embedded_whole(evaluate, pictures):
    page = evaluate(pictures={**pictures, "my_own": pictures["history"]}, samples=[])
    content = [base64.b64decode(image["src"].split(",")[1]) for image in page.all("img")]
    files = [pictures[name].read_bytes() for name in ("history", "bits", "history")]
    assert content == files
    assert "My own." in page.text
    assert "No loop was drawn" in page.text


def test_samples_can_be_heard_and_have_their_receipts(evaluate):
    page = evaluate()
    sound = [found["src"] for found in page.all("audio", controls=None)]
    assert sound[0] == "../samples/a%20loop%20%231.wav"
    assert page.all("a", href="../samples/a%20loop%20%231.mid")
    assert all(found["preload"] == "none" for found in page.all("audio"))
    assert "train/00042 , 0.31 away, rotated by 2 beats" in page.text
    assert "train/00042 , the same hits" in page.text
    for words in ("Seed 42", "Temperature 0.9, top-p 0.97", "142.5 bpm", "0123456789abcdef"):
        assert words in page.text
    assert HOSTILE in page.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exact_copy_rate": float("nan")}, "metrics.exact_copy_rate must be a finite number"),
        ({"bits_per_step": {}}, "metrics.bits_per_step must be a table of at least one side"),
        (
            {"bits_per_step": {"test": {**BITS, "ngram": float("inf")}}},
            "metrics.bits_per_step.test.ngram must be a finite number .*inf",
        ),
        ({"bits_per_step": {"test": {"model": 1.0}}}, "bits_per_step.test must .* ngram, position"),
        ({"novelty": {"mean": 0.4}}, "metrics.novelty must be a table with min, held_out_mean"),
    ],
)
def test_figures_that_are_missing_or_no_numbers_are_errors(evaluate, change, message):
    with pytest.raises(ParameterError, match=message):
        evaluate({**METRICS, **change})


def test_missing_keys_and_pictures_are_errors(evaluate, corpora, samples, tmp_path):
    with pytest.raises(ParameterError, match="metrics must be a table with bar_accuracy"):
        evaluate({key: METRICS[key] for key in METRICS if key != "bar_accuracy"})
    receipt = {key: RECEIPT[key] for key in RECEIPT if key != "seed"}
    with pytest.raises(ParameterError, match="receipt of a loop #1 must be a table with seed"):
        evaluate(samples=[{**samples[0], "receipt": receipt}])
    with pytest.raises(ParameterError, match="summary must be a table with gate"):
        write_evaluation_report(tmp_path / "page.html", METRICS, {"reasons": []}, {}, [])
    with pytest.raises(InputError, match=r"gone\.png: unreadable \(received No such file"):
        evaluate(pictures={"history": tmp_path / "gone.png"})


def test_the_same_evaluation_gives_the_same_bytes(evaluate):
    assert evaluate(name="one").source == evaluate(name="other").source
