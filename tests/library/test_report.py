"""What pages are made of, and the evaluation's page: what it says, and that it stands alone."""

from __future__ import annotations

import base64
import re

import pytest

from tests.pages import HOSTILE, Page, assert_stands_alone, audit_starter
from trapgen import plot
from trapgen.errors import InputError, ParameterError
from trapgen.report import write_evaluation_report
from trapgen.report.page import embed_data, percent, tag


@pytest.fixture(scope="module")
def corpora():
    """Sides of the starter corpus and their audit, by protocol."""
    return {protocol: audit_starter(protocol) for protocol in ("by_source", "random_windows")}


# Markup


def test_markup_escapes_what_is_not_markup():
    assert tag("b", "<i>", tag("i", "&"), 3) == "<b>&lt;i&gt;<i>&amp;</i>3</b>"
    assert tag("a", href='"><', title=None, open=True, hidden=False) == (
        '<a href="&quot;&gt;&lt;" open></a>'
    )
    assert tag("svg", tag("rect", x=1, class_="a", stroke_width=2)) == (
        '<svg><rect x="1" class="a" stroke-width="2"/></svg>'
    )


def test_data_ends_no_element_and_holds_no_odd_number():
    found = embed_data("name", {"a": "</script><!--", "b": "\u2028"})
    inner = '{"a":"\\u003c/script>\\u003c!--","b":"\\u2028"}'
    assert found == f'<script type="application/json" id="name">{inner}</script>'
    with pytest.raises(ValueError, match="JSON"):
        embed_data("name", [float("nan")])


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
LEARNING = {
    "best_epoch": 36,
    "train": 0.588,
    "validation": 1.121,
    "control_loss": 0.877,
    "leak_gap": 0.244,
    "first_leak_gap": 0.051,
    "by_distance": {
        "near": {"n_loops": 1, "distance": 0.312, "bits_per_step": 0.949},
        "far": {"n_loops": 9, "distance": 0.541, "bits_per_step": 1.24},
    },
}
METRICS = {
    "learning": LEARNING,
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
    history = {"train": [3.0, 1.3], "validation": [3.1, 1.9], "control_loss": [3.0, 1.1]}
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


def test_the_control_stands_beside_clean_validation(evaluate):
    page = evaluate()
    assert "Clean validation is the truth: its loops have no source in common" in page.text
    assert "The control is what the original project looked at" in page.text
    said = page.text[page.text.index("What the learning curve says") :]
    assert "At epoch 36, whose weights were kept, the control shows 0.877 bits" in said
    assert "clean validation 1.121: who looks at the control alone" in said
    assert "0.244 bits better than it is. After the first epoch clean validation less" in said
    assert "less the control was 0.051." in said
    assert re.search(r"Near 1 loop 0\.312 0\.949 Far 9 loops 0\.541 1\.240", said)
    assert said.index("Loss by epoch") < said.index("by distance")
    assert page.all("a", href="#learning")


def test_a_control_that_looks_no_better_is_not_called_a_leak(evaluate):
    learning = {**LEARNING, "control_loss": 1.2, "leak_gap": -0.079, "by_distance": {}}
    page = evaluate({**METRICS, "learning": learning})
    assert "here the control looks no better" in page.text
    assert "believes the model" not in page.text
    assert "by distance" not in page.text


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
    for words in ("1.084", "1.08", "1.682", "0.551", "Kick density", "1.121", "0.877", "0.244"):
        assert words not in page.text
    embedded = [image["alt"] for image in page.all("img")]
    assert len(embedded) == 2
    assert all(words.startswith("The hits of") for words in embedded)


def test_pictures_are_embedded_whole(evaluate, pictures):
    page = evaluate(pictures={**pictures, "my_own": pictures["history"]}, samples=[])
    content = [base64.b64decode(image["src"].split(",")[1]) for image in page.all("img")]
    files = [pictures[name].read_bytes() for name in ("bits", "history", "history")]
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
        (
            {"learning": {**LEARNING, "leak_gap": float("nan")}},
            "metrics.learning.leak_gap must be a finite number",
        ),
        (
            {"learning": {key: LEARNING[key] for key in LEARNING if key != "control_loss"}},
            "metrics.learning must be a table with control_loss",
        ),
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
