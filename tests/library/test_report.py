"""What pages are made of, and the evaluation's page: what it says, and that it stands alone."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from importlib.resources import files

import pytest
from jinja2 import UndefinedError

from tests.pages import HOSTILE, Page, assert_stands_alone, audit_starter, by_id
from trapgen import render as plot
from trapgen.core import InputError, ParameterError
from trapgen.evaluate import group_features
from trapgen.report import write_audit_report, write_evaluation_report
from trapgen.report.page import count, environment, percent, sentence


@pytest.fixture(scope="module")
def corpora():
    """Sides of the starter corpus and their audit, by protocol."""
    return {protocol: audit_starter(protocol) for protocol in ("by_source", "random_windows")}


# Markup


def render(source, **values):
    return environment().from_string(source).render(values)


def test_values_are_escaped_and_missing_ones_are_errors():
    assert render("<b>{{ x }}</b>", x='<i a="">&') == "<b>&lt;i a=&#34;&#34;&gt;&amp;</b>"
    with pytest.raises(UndefinedError, match="'y' is undefined"):
        render("{{ y }}", x=1)


def test_data_ends_no_element_and_holds_no_odd_number():
    found = render("{{ x | tojson }}", x={"b": "</script><!--", "a": "\u2028"})
    assert not re.search("[<>&\u2028]", found)
    assert json.loads(found) == {"b": "</script><!--", "a": "\u2028"}
    with pytest.raises(ValueError, match="JSON"):
        render("{{ x | tojson }}", x=[float("nan")])


def test_nouns_are_counted_and_sentences_end():
    assert [count(1, "bar"), count(1234, "bar")] == ["1 bar", "1,234 bars"]
    assert count(2, "family", "families") == "2 families"
    assert [sentence("all is well"), sentence("It is.")] == ["All is well.", "It is."]


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

BITS = {
    "model": 1.084,
    "lag_copy": 1.682,
    "ngram": 1.851,
    "position": 2.553,
    "repeat_bar": 3.021,
    "uniform": 9.0,
}
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
INTERVALS = {name: {"low": value - 0.1, "high": value + 0.1} for name, value in BITS.items()}
INTERVALS["uniform"] = {"low": 9.0, "high": 9.0}
INTERVALS["less_lag_copy"] = {"difference": -0.598, "low": -0.702, "high": -0.477}


def cover(area, ceiling):
    ratio = area / ceiling
    ends = {"low": ratio - 0.1, "high": ratio + 0.1, "seed_min": ratio, "seed_max": ratio}
    return {"area": area, "ceiling": ceiling, "ratio": ratio, **ends}


def goal(value, bound, holds=1.0):
    return {"value": value, "bound": bound, "holds": holds}


QUANTILES = {"p0": 0.093, "p5": 0.21, "p50": 0.44, "p95": 0.63, "p100": 0.7}
FACTS = {
    **dict.fromkeys(("kicks", "snares", "hats", "open_hats"), 4.0),
    **dict.fromkeys(("kick_on_1_odd", "kick_on_1_even", "kicks_on_odd_16ths"), 0.5),
    **dict.fromkeys(("snares_on_3", "fast_hits", "triplet_gaps"), 0.125),
}
METRICS = {
    "learning": LEARNING,
    "bits_per_step": {"test": BITS, "validation": {**BITS, "model": 1.121}},
    "bits_interval": {"test": INTERVALS, "validation": INTERVALS},
    "calibration": {"top_word": 0.021, "voices": 0.004, "kick": 0.003, "closed_hat": 0.008},
    "accuracy": 0.861,
    "bar_accuracy": 0.984,
    "bar_closure": {"1.0": {"share": 0.984, "bars": 1536}, "1.2": {"share": 0.957, "bars": 512}},
    "copies": {
        "1_bar": {"generated": 0.031, "seed_min": 0.02, "seed_max": 0.04, "held_out": 0.004},
        "2_bars": {"generated": 0.0, "seed_min": 0.0, "seed_max": 0.0, "held_out": 0.0},
    },
    "novelty": {
        "mean": 0.412,
        "min": 0.093,
        "held_out_mean": 0.551,
        "held_out_min": 0.3,
        "generated": QUANTILES,
        "held_out": {name: value + 0.1 for name, value in QUANTILES.items()},
    },
    "overlap": {
        "kick_density": cover(0.87, 0.93),
        "roll_rate": cover(0.66, 0.9),
        "hit_velocity": cover(0.9, 0.9),
    },
    "snare_on_3": {"generated": 0.962, "seed_min": 0.95, "seed_max": 0.97, "held_out": 0.988},
    "goals": {
        "beats_lag_copy": goal(-0.477, 0.0),
        "features": goal(0.73, 0.9, 0.0),
        "velocity": goal(1.0, 0.9),
        "hats_roll": goal(0.73, 0.9, 0.0),
        "snare_on_3": goal(0.962, 0.9),
    },
    "outside": {},
    "facts": {"generated": FACTS, "train": FACTS},
    "different_bars": 870,
    "more": "than documented",
}
EXAM = {
    "loops": 11,
    "learned": 2,
    "bits_per_step": {**BITS, "model": 1.2},
    "bits_interval": {**INTERVALS, "model": {"low": 1.1, "high": 1.3}},
    "facts": {**FACTS, "kicks": 2.25},
    "two_sample": {
        name: {
            "auc": 0.94,
            "low": 0.9,
            "high": 0.97,
            "features": {"backbeat": 0.8, "off_beat": 0.3},
        }
        for name in ("all", "kick_and_snare")
    },
    "bars_written": 0.012,
    "bars": 1536,
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
    return {name: folder / f"{name}.png" for name in ("history",)}


@pytest.fixture
def samples(pictures):
    """Two samples; the pictures are whatever lies at hand."""
    copy = {**RECEIPT, "nearest": [{**RECEIPT["nearest"][0], "distance": 0, "rotation_beats": 0}]}
    return [
        {"name": "a loop #1", "picture": pictures["history"], "receipt": RECEIPT},
        {"name": HOSTILE, "picture": pictures["history"], "receipt": copy},
    ]


@pytest.fixture
def evaluate(corpora, pictures, samples, tmp_path):
    def run(metrics=METRICS, protocol="by_source", samples=samples, pictures=pictures, name="p"):
        path = tmp_path / f"{name}.html"
        summary = corpora[protocol][1].summary()
        groups = group_features(metrics["overlap"])
        write_evaluation_report(path, metrics, summary, pictures, samples, groups)
        return Page(path)

    return run


def test_the_figures_stand_beside_their_baselines(evaluate):
    page = evaluate()
    assert "AUDIT: PASS 3 of 5 goals reached, 36% fewer bits per step than the best" in page.text
    assert "Validation Test" in page.text
    model = r"Model the trained network 1\.121 0\.984 to 1\.184 1\.084 0\.984 to 1\.184"
    assert re.search(model, page.text)
    assert "Model minus lag copy on the same loops -0.598 -0.702 to -0.477" in page.text
    for words in ("1.682", "2.553", "3.021", "9.000", "98.4%", "3.1%", "0.412", "0.093", "0.551"):
        assert words in page.text
    # Where nothing varies there is no interval to tell.
    assert "9.000 to 9.000" not in page.text
    bars = {rect["width"] for rect in page.all("rect") if rect.get("class") == "vermilion"}
    assert f"{100 * 1.084 / 9:.2f}%" in bars
    assert_stands_alone(page)


def test_what_is_missed_stands_first_with_what_misses_it_most(evaluate):
    page = evaluate()
    said = page.text[page.text.index("Wanted Verdict") :]
    missed = "Onsets are like those of held-out loops the feature that overlaps least: roll rate"
    assert f"{missed} 0.73 at least 0.90 does not hold" in said
    assert "Snares are on beat 3 of bars, without constraints 96.2% at least 90.0% holds" in said
    assert "difference in bits per step, upper end of its interval -0.48 at most 0 holds" in said
    assert said.index("does not hold") < said.index(" holds")
    assert len(page.all("span", class_="refuse mark")) == 2
    assert len(page.all("span", class_="pass mark")) == 3


def test_features_are_compared_with_held_out_loops(evaluate):
    page = evaluate()
    said = page.text[page.text.index("Is it like the held-out loops?") :]
    assert (
        "differ too much from held-out loops: roll rate. 96.2% of the generated bars have" in said
    )
    assert "Roll rate 0.66 0.90 0.73 0.63 to 0.83 0.73 to 0.73 Kick density 0.87 0.93" in said
    good = {"overlap": {"density": cover(0.9, 0.9), "hit_velocity": cover(0.9, 0.9)}}
    page = evaluate({**METRICS, **good})
    assert "Every ratio meets the goal. The verdict uses the point estimate" in page.text


def test_bars_copies_and_distances_are_told(evaluate):
    page = evaluate()
    assert "1.0 98.4% 1,536 bars 1.2 95.7% 512 bars" in page.text
    assert (
        "One bar 3.1% 2.0% to 4.0% by seed 0.4% Two bars in a row 0% 0% to 0% by seed 0%"
        in page.text
    )
    assert "Minimum 0.093 0.193 5th percentile 0.210 0.310" in page.text
    assert (
        "In 86.1% of the steps the word that the model finds most likely is the right one"
        in page.text
    )
    assert "off by 0.004 on average over the voices, and by 0.008 for the closed hat," in page.text


def test_the_control_stands_beside_clean_validation(evaluate):
    page = evaluate()
    assert (
        "Clean validation decides when training stops: its loops have no source in common"
        in page.text
    )
    assert "The control is what the original project measured" in page.text
    said = page.text[page.text.index("Two curves show the loss") :]
    assert "At epoch 36, whose weights are kept, the control shows 0.877 bits" in said
    assert "clean validation 1.121. The control is" in said
    assert "0.244 bits below clean validation. At the first epoch the gap is 0.051" in said
    assert re.search(r"Near 1 loop 0\.312 0\.949 Far 9 loops 0\.541 1\.240", said)
    assert said.index("Loss by epoch") < said.index("by distance")
    assert page.all("a", href="#learning")


def test_a_control_that_looks_no_better_is_not_called_a_leak(evaluate):
    learning = {**LEARNING, "control_loss": 1.2, "leak_gap": -0.079, "by_distance": {}}
    page = evaluate({**METRICS, "learning": learning})
    assert "The control is not below clean validation" in page.text
    assert "bits below clean validation" not in page.text
    assert "by distance" not in page.text


def test_a_model_that_does_not_beat_its_baselines_is_no_success(evaluate):
    worse = {"test": {**BITS, "model": 1.7}}
    page = evaluate({**METRICS, "bits_per_step": worse})
    assert "The lag copy predicts as well as the model, or better" in page.text
    assert page.all("div", class_="verdict refuse")


def test_loops_from_outside_come_first(evaluate):
    worse = {"difference": 0.1, "low": 0.0, "high": 0.2}
    lost = {
        **EXAM,
        "bits_per_step": {**BITS, "model": 1.782},
        "bits_interval": {**INTERVALS, "less_lag_copy": worse},
    }
    page = evaluate({**METRICS, "outside": {"by-hand": EXAM, HOSTILE: lost}})
    assert "Better than the best baseline on 1 of 2 sets of loops from outside" in page.text
    assert page.all("div", class_="verdict refuse")
    first = page.text.index("Loops from outside Nothing is trained")
    assert first < page.text.index("3 of 5 goals reached A ratio")
    assert "by-hand 11 2 1.200 1.100 to 1.300 1.682 1.582 to 1.782 -0.598" in page.text
    assert "by-hand 0.94 0.900 to 0.970 0.94" in page.text
    assert "backbeat, larger in generated loops (0.80); off beat, smaller in" in page.text
    assert "Kicks a bar 2.25 2.25 4.00 4.00" in page.text
    assert "870 are different" in page.text


def test_sets_from_outside_may_be_learned_or_small(evaluate):
    small = {**EXAM, "two_sample": dict.fromkeys(("all", "kick_and_snare"))}
    page = evaluate({**METRICS, "outside": {"all known": {"loops": 0, "learned": 3}, "few": small}})
    assert "Better than the best baseline on 1 of 1 sets" in page.text
    assert "all known 0 3 none left" in page.text
    assert "few too few loops" in page.text
    only_known = evaluate({**METRICS, "outside": {"all known": {"loops": 0, "learned": 3}}})
    assert "36% fewer bits per step than the best baseline" in only_known.text


def test_data_that_the_audit_refused_gives_no_held_out_figure(evaluate, corpora, pictures):
    page = evaluate(protocol="random_windows")
    assert "AUDIT: REFUSE No figure on held-out loops" in page.text
    for reason in corpora["random_windows"][1].reasons:
        assert reason in page.text
    for words in (
        "1.084",
        "1.08",
        "1.682",
        "0.551",
        "Kick density",
        "goals",
        "1.121",
        "0.877",
        "0.244",
    ):
        assert words not in page.text
    embedded = [image["alt"] for image in page.all("img")]
    assert len(embedded) == 2
    assert all(words.startswith("The hits of") for words in embedded)


def test_pictures_are_embedded_whole(evaluate, pictures):
    page = evaluate(pictures={**pictures, "my_own": pictures["history"]}, samples=[])
    content = [base64.b64decode(image["src"].split(",")[1]) for image in page.all("img")]
    # The page draws bits per step by itself.
    assert content == [pictures["history"].read_bytes()] * 2
    assert "My own." in page.text
    assert "No loop was generated" in page.text


def test_samples_can_be_heard_and_have_their_receipts(evaluate):
    page = evaluate()
    sound = [found["src"] for found in page.all("audio", controls=None)]
    assert sound[0] == "../samples/a%20loop%20%231.wav"
    assert page.all("a", href="../samples/a%20loop%20%231.mid")
    assert all(found["preload"] == "none" for found in page.all("audio"))
    assert "train/00042 , distance 0.31, rotated by 2 beats" in page.text
    assert "train/00042 , the same hits" in page.text
    for words in ("Seed 42", "Temperature 0.9, top-p 0.97", "142.5 bpm", "0123456789abcdef"):
        assert words in page.text
    assert HOSTILE in page.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bar_accuracy": float("nan")}, "metrics.bar_accuracy must be a finite number"),
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
    with pytest.raises(ParameterError, match=r"metrics must be a table with .*bar_accuracy"):
        evaluate({key: METRICS[key] for key in METRICS if key != "bar_accuracy"})
    receipt = {key: RECEIPT[key] for key in RECEIPT if key != "seed"}
    with pytest.raises(ParameterError, match="receipt of a loop #1 must be a table with seed"):
        evaluate(samples=[{**samples[0], "receipt": receipt}])
    with pytest.raises(ParameterError, match="summary must be a table with gate"):
        write_evaluation_report(tmp_path / "page.html", METRICS, {"reasons": []}, {}, [], {})
    with pytest.raises(InputError, match=r"gone\.png: unreadable \(received No such file"):
        evaluate(pictures={"history": tmp_path / "gone.png"})


def test_the_same_evaluation_gives_the_same_bytes(evaluate):
    assert evaluate(name="one").source == evaluate(name="other").source


# The templates

TEMPLATES = {
    file.name: file.read_text(encoding="utf-8")
    for file in files("trapgen.report").joinpath("templates").iterdir()
}


def test_no_sentence_claims_what_the_corpus_cannot_show(corpora, evaluate, tmp_path):
    """The default corpus was written for this project: it says nothing about what people play."""
    sided, found = corpora["random_windows"]
    write_audit_report(tmp_path / "audit.html", found, by_id(sided))
    pages = [Page(tmp_path / "audit.html"), evaluate(), evaluate(protocol="random_windows")]
    for text in [*TEMPLATES.values(), *(page.source for page in pages)]:
        assert not re.search(r"\b(people|human|drummer)", text, re.IGNORECASE)
    assert "The default corpus was written for this project" in pages[1].text


def test_markup_stands_in_templates_and_words_are_the_fields():
    for text in TEMPLATES.values():
        assert not re.search(r"\b(commonplace|lanes?|told|heard)\b", text, re.IGNORECASE)
    for file in files("trapgen.report").iterdir():
        if file.name.endswith((".py", ".js")):
            assert not re.search("</|innerHTML|createElement", file.read_text())


def test_jinja_waits_for_the_first_page():
    code = "import sys, trapgen.report; print('jinja2' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
