"""The audit's page: what it says, that it stands alone, and that no name gets out of its place."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pages import (
    AUDIT,
    CHANCE,
    HOSTILE,
    Page,
    assert_stands_alone,
    audit_starter,
    by_id,
    fabricate,
    make_loop,
    random_loop,
)
from trapgen.audit import VOICE_TAKEN, Chance, Decision, Overlap
from trapgen.audit.gate import judge
from trapgen.audit.results import SweepPoint, VoiceOverlap, WindowOverlap
from trapgen.core import (
    CLOSED_HAT,
    KICK,
    SNARE,
    AuditParams,
    Lineage,
    ParameterError,
    hash_loops,
    rotate,
)
from trapgen.render import render_voice, velocity_gain
from trapgen.report import SourceFile, write_audit_report
from trapgen.report.chart import Chart, Share
from trapgen.report.embed import HIT, MAX_PAIRS, embed_pairs
from trapgen.report.grid import choose_bars, describe_differences, fill_rows
from trapgen.report.limits import list_limits
from trapgen.report.lineage import Source, trace_origins
from trapgen.report.one_shots import embed_kit
from trapgen.report.page import percent, sentence
from trapgen.similarity import Transform, lay_over


def write(path, sided, found, **options):
    write_audit_report(path, found, by_id(sided), **options)
    return Page(path)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    return {
        protocol: write(
            folder / f"{protocol}.html",
            *audit_starter(protocol),
            params=AUDIT,
            checks="checks/index.html",
        )
        for protocol in ("by_source", "random_windows")
    }


def data_of(page):
    """What the page's script reads."""
    return json.loads(page.scripts[0])


# What it says


def test_a_pass_says_so_and_shows_what_it_rests_on(pages):
    (_, found), page = audit_starter("by_source"), pages["by_source"]
    assert found.gate == "pass"
    assert " PASS The held-out loops are independent" in page.text
    assert "REFUSE" not in page.text
    assert page.all("div", class_="verdict pass")
    assert "Sources are split first" in page.text
    for side, number in found.n_loops.items():
        assert re.search(rf"{side} {number} {found.n_sources[side]} ", page.text)
        assert f"{found.effective_sources[side]:.1f}" in page.text
    assert f"{found.self_test['found']} of {found.self_test['injected']} planted leaks" in page.text
    for kind in found.self_test["recall"]:
        assert kind in page.text
    assert "No source is in more than one split." in page.text
    assert "leads from one split to another" in page.text
    assert page.all("a", href="checks/index.html")
    assert not page.all("li", class_="refuse")


def test_a_refusal_says_why_and_what_helps(pages):
    (_, found), page = audit_starter("random_windows"), pages["random_windows"]
    assert found.gate == "refuse"
    assert " REFUSE Do not trust figures" in page.text
    assert page.all("div", class_="verdict refuse")
    assert len(found.reasons) >= 3
    for reason in found.reasons:
        assert sentence(reason) in page.text
    assert "split sources before recombining them" in page.text.lower()
    assert "cut into bars, and the bars are split at random" in page.text
    chart = next(x for x in page.all("svg", class_="chart") if "held-out bars" in x["aria-label"])
    for share in (found.exact_bar_overlap, *found.exact_bar_overlap_by_side.values()):
        assert percent(share) in chart["aria-label"]
    assert f"{percent(found.chance.low)} and {percent(found.chance.high)}" in page.text
    assert percent(found.near_bar_overlap) in page.text


def test_windows_distances_and_parts_are_shown_against_chance(tmp_path):
    rng = np.random.default_rng(2)
    sided = [(side, random_loop(rng, side)) for side in ("train", "test")]
    unknown = Chance(0.0, 0.0, 0.0, 0, "not known")
    found = fabricate(
        sided,
        [],
        windows=(
            WindowOverlap(1, 700, 0.031, 0.12, CHANCE),
            WindowOverlap(4, 400, 0.3, 0.31, CHANCE),
        ),
        sweep=(SweepPoint(0.0, 0.01, CHANCE), SweepPoint(0.1, 0.25, CHANCE)),
        voices=VoiceOverlap(0.5, CHANCE),
        effective_parts={"kick": 8.2, "closed_hat": 17.9, "crash": 0.0},
    )
    page = write(tmp_path / "page.html", sided, found)
    labels = [chart["aria-label"] for chart in page.all("svg", class_="chart")]
    assert any(
        "1 bar 3.1% (chance 1.0% to 4.0%); 4 bars in a row 30.0% (chance 1.0% to 4.0%)" in label
        for label in labels
    )
    assert any("a training loop 50.0% (chance 1.0% to 4.0%)" in label for label in labels)
    assert any("1.0% within 0, by chance 1.0% to 4.0%; 25.0% within 0.1" in x for x in labels)
    assert "2 loops, made of about 26 different parts: 8 kick, 18 closed hat." in page.text
    assert re.search(r"0\.1 25\.0% 1\.0% to 4\.0%", page.text)
    without = replace(found, sweep=tuple(replace(p, chance=unknown) for p in found.sweep))
    assert "Chance: not known" in write(tmp_path / "page.html", sided, without).text
    one = replace(found, sweep=found.sweep[:1], windows=(), effective_parts={})
    page = write(tmp_path / "page.html", sided, one)
    assert "Windows of several bars" not in page.text
    assert "different parts" not in page.text


def test_only_what_lies_over_chance_is_orange(tmp_path):
    shares = [Share("one", 0.03, CHANCE), Share("two", 0.2), Share("three", 0.05, CHANCE)]
    assert [share.over for share in shares] == [False, False, True]
    sided = [(side, make_loop([(0, KICK), (8, SNARE)], side)) for side in ("train", "test")]

    def colors(share):
        overlap = {"exact_bar_overlap": share, "exact_bar_overlap_by_side": {"test": share}}
        found = fabricate(sided, [], near_bar_overlap=0, **overlap)
        page = write(tmp_path / "page.html", sided, found)
        bars = [x["class"] for x in page.all("rect", height="10", x="0")]
        return [color for color in bars if color != "track"]

    assert colors(0.03) == ["blue"] * 2
    assert colors(0.05) == ["vermilion"] * 2


def test_a_chart_ends_at_a_round_share_and_names_few_points():
    chart = Chart([Share(at / 10, at / 100, CHANCE) for at in range(14)])
    assert chart.reach == 0.2
    assert [chart.along(share) for share in (0, 0.05, 1)] == pytest.approx([0, 25, 100])
    assert [chart.across(key) for key in (0, 0.65, 1.3)] == pytest.approx([0, 50, 100])
    assert chart.point(0.65, 0.05) == "50.00,75.00"
    assert len(chart.ticks) <= 6
    assert chart.ticks[0].key == 1.3
    assert chart.known
    assert not Chart([*chart.rows, Share(2, 0.9)]).known


def test_an_unknown_chance_and_a_self_test_without_leaks_are_not_hidden(tmp_path):
    sided = [
        ("train", make_loop([(0, KICK), (8, SNARE)], "one")),
        ("elsewhere", make_loop([(4, KICK), (6, CLOSED_HAT)], "two")),
    ]
    unknown = Chance(0.0, 0.0, 0.0, 0, "not known: too few loops")
    test = {"injected": 0, "found": 0, "recall": {}, "false_alarms": 0.0}
    page = write(
        tmp_path / "page.html", sided, fabricate(sided, [], chance=unknown, self_test=test)
    )
    assert "by chance not known" in page.text
    assert "Chance: not known" in page.text
    assert "no training loop has enough hits" in page.text
    assert "How they were made is not known" in page.text
    assert "None: no held-out loop is near a training loop" in page.text
    assert "Elsewhere" in page.text
    assert "history of the checks" not in page.text


def test_dropped_duplicates_are_grouped_by_reason_and_the_shift_is_told(tmp_path):
    rng = np.random.default_rng(4)
    loops = [
        random_loop(rng, f"loop {i:02}", style="drill" if i < 10 else "phonk") for i in range(40)
    ]
    sided = [("train" if i < 38 else "test", one) for i, one in enumerate(loops)]
    reasons = {i: f"same words as loop {i + 20}, shorter" for i in range(15)}
    reasons[16] = "0.0312 from loop 30, rotated by 3 beats"
    reasons[17] = "0.0512 from loop 31, rotated by 1 beat"
    decisions = tuple(
        Decision(one.lineage.loop_id, side, i not in reasons, reasons.get(i, ""))
        for i, (side, one) in enumerate(sided)
    )
    page = write(tmp_path / "page.html", sided, fabricate(sided, [], decisions=decisions))
    assert "train 38 17 21" in page.text
    assert "test 2 0 2" in page.text
    assert "Same words as another loop, shorter. 15 loop 00" in page.text
    assert "Some distance from another loop, rotated by some beats. 2 loop 16" in page.text
    assert "loop 11 train same words as loop 31, shorter" in page.text
    assert "The first 12 of 17 dropped" in page.text
    assert "The largest shift: style: phonk, from 73.7% to 100%." in page.text
    assert "Style: drill 26.3% 0% -26.3 points" in page.text


# Where the loops come from


def test_sources_are_traced_to_packs_and_splits_and_loops_to_families():
    rng = np.random.default_rng(0)
    child = {"source_ids": ("s1", "s2"), "parents": ("kick", "hat")}
    one, two = (random_loop(rng, f"child-{i}", **child) for i in (1, 2))
    cousin = random_loop(rng, "cousin", source_ids=("s2", "s3"), parents=("hat", "snare"))
    twin, other = (random_loop(rng, name) for name in ("twin", "other"))
    alone = random_loop(rng, "alone", pack="Mine")
    sided = [("train", x) for x in (one, two, twin, alone)] + [("test", cousin), ("test", other)]
    near = Overlap("twin", "other", "test", "near_loop", 0.05, Transform(), "all")
    bar = Overlap("alone", "other", "test", "exact_bar", 0.0, Transform(n_bars=1), "kick")
    similar = Overlap("alone", "other", "test", "near_loop", 0.3, Transform(), "all")
    found = fabricate(sided, [similar, near, bar], near_duplicate_pairs=1)
    files = {name: SourceFile("Pack", f"Pack/{name}.mid") for name in ("s1", "s2")}
    origins = trace_origins(found, by_id(sided), files)
    assert origins.families == [{"train": 2, "test": 1}, {"train": 1, "test": 1}, {"train": 1}]
    assert origins.spanning == origins.families[:2]
    crossing = Source("Pack/s2.mid", "Pack", {"train": 2, "test": 1})
    assert origins.crossing == [crossing]
    assert [(pack.name, len(pack.sources), pack.n_loops) for pack in origins.packs] == [
        ("Pack", 2, {"train": 2, "test": 1}),
        # Nobody said where these come from; an original has at least its own name.
        ("", 3, {"train": 1, "test": 2}),
        ("Mine", 1, {"train": 1}),
    ]
    assert {source.name for source in origins.packs[1].sources} == {"s3", "twin", "other"}
    assert origins.most_used[0][0] == "train"
    assert ("test", crossing) in origins.most_used
    assert [origins.packs[0].count("train", crossing=x) for x in (None, True, False)] == [2, 1, 1]


@pytest.mark.parametrize("n_packs", [8, 300])
def test_the_lineage_is_drawn_for_few_and_many_packs(tmp_path, n_packs):
    rng = np.random.default_rng(1)
    sided = [
        (
            side,
            random_loop(
                rng,
                f"{side}-{at:03}",
                source_ids=(f"source-{at:03}" if at < 3 else f"source-{side}-{at:03}",),
                pack=f"Pack {at:03}",
            ),
        )
        for at in range(n_packs)
        for side in ("train", "test")
    ]
    page = write(tmp_path / "page.html", sided, fabricate(sided, []))
    (picture,) = page.all("svg", class_="chart lineage")
    assert "Pack 000: 1 in train, 1 in test, 1 in several; " in picture["aria-label"]
    assert int(picture["height"]) < 700
    assert len(page.all("path", class_="vermilion band")) == 6
    assert "3 sources are in more than one split" in page.text
    assert "3 families span more than one split" in page.text
    # A single pack more is drawn as itself.
    assert ("Pack 007: 1 in" if n_packs == 8 else f"{n_packs - 7} more packs: ") in picture[
        "aria-label"
    ]


def test_packs_are_drawn_in_proportion_to_their_sources(pages):
    (sided, found), page = audit_starter("random_windows"), pages["random_windows"]
    origins = trace_origins(found, by_id(sided), {})
    widths = [sum(pack.count(side) for side in origins.sides) for pack in origins.packs]
    blocks = [float(x["height"]) for x in page.all("rect", width="10", class_="vermilion")]
    scale = 300 / sum(widths)
    assert blocks == pytest.approx(
        [
            width * scale
            for width, pack in zip(widths, origins.packs, strict=True)
            if pack.n_crossing
        ],
        abs=0.1,
    )
    crossing = {
        source
        for source in {x for _, one in sided for x in one.lineage.source_ids}
        if len({side for side, one in sided if source in one.lineage.source_ids}) > 1
    }
    assert f"{len(crossing)} sources are in more than one split" in page.text


# What the gate asks


def breaking():
    """By figure, changes of an audit that break its limit, and no other."""
    known, few = replace(CHANCE, deviation=0.001), {"recall": {"exact": 0.5}}
    return {
        "shared_source": {"n_pairs": {"shared_source": 3}},
        "near_duplicates": {"near_duplicate_pairs": 2},
        "bars": {"exact_bar_overlap": 0.3},
        "windows": {"windows": (WindowOverlap(2, 9, 0.5, 0.5, known),)},
        "voices": {"voices": VoiceOverlap(0.6, known)},
        "similar": {"sweep": (SweepPoint(0.3, 0.5, known),)},
        "chance": {"chance": Chance(0.0, 0.0, 0.0, 0, "not known")},
        "sources": {"effective_sources": {"train": 2.0, "test": 9.0}},
        "leaks": {"self_test": few},
        "voice_leaks": {"self_test": {"recall": {"exact": 1.0, VOICE_TAKEN: 0.5}}},
    }


@pytest.mark.parametrize("figure", breaking())
def test_a_figure_over_its_limit_is_what_the_gate_refuses_and_stands_first(figure, tmp_path):
    sided = [(side, make_loop([(0, KICK), (8, SNARE)], side)) for side in ("train", "test")]
    sound = fabricate(sided, [], effective_sources={"train": 20.0, "test": 9.0})
    params = AuditParams()
    assert judge(sound, params) == []
    assert all(limit.holds for limit in list_limits(sound, params))
    test = {**sound.self_test, **breaking()[figure].get("self_test", {})}
    broken = replace(sound, **{**breaking()[figure], "self_test": test})
    (reason,) = judge(broken, params)
    first, *others = list_limits(broken, params)
    assert first.figure == figure
    assert [limit.holds for limit in (first, *others)] == [False, *[True] * len(others)]
    page = write(tmp_path / "page.html", sided, replace(broken, reasons=(reason,)))
    assert len(page.all("li", class_="refuse")) == len(page.all("span", class_="refuse mark")) == 1
    assert "planted leaks found by the self-test" not in page.text
    assert page.text.index("allowed:") < page.text.index("What the gate asks")


def test_rows_that_break_a_rule_refuse_although_every_figure_keeps_its_limit(tmp_path):
    sided = [(side, make_loop([(0, KICK), (8, SNARE)], side)) for side in ("train", "test")]
    sources = {"train": 20.0, "test": 1.0}
    found = fabricate(sided, [], effective_sources=sources, reasons=("loops.bpm is off",))
    page = write(tmp_path / "page.html", sided, found)
    assert "REFUSE Do not trust" in page.text
    assert "what refuses are rules that rows of the tables break" in page.text
    assert not page.all("ul", class_="tiles")


def test_the_page_says_which_data_it_is_about_and_by_which_parameters(tmp_path):
    sided, found = audit_starter("by_source")
    data = hash_loops(sided)
    settings = {"seed": 3, "split.protocol": "by_source"}
    page = write(tmp_path / "p.html", sided, found, data=data, params=AUDIT, settings=settings)
    assert f"Audited data {data} , a hash of {len(sided)} loops" in page.text
    assert f"audit.chance_replicates {AUDIT.chance_replicates}" in page.text
    assert "split.protocol by_source" in page.text
    assert re.search(r"effective sources .* at least 8\.0 holds", page.text, re.IGNORECASE)


# The pairs as data


def test_pairs_come_nearest_first_and_refer_to_loops_that_stand_there_once(pages):
    sided, found = audit_starter("random_windows")
    data = data_of(pages["random_windows"])
    loops = by_id(sided)
    names = [row["name"] for row in data["loops"]]
    assert len(names) == len(set(names))
    distances = [np.inf if pair[3] is None else pair[3] for pair in data["pairs"]]
    assert distances == sorted(distances)
    listed = {(x.train_loop, x.other_loop, x.kind): x for x in found.pairs}
    for left, right, kind, distance, loosely, voices, words, _ in data["pairs"]:
        pair = listed[names[left], names[right], kind]
        assert data["loops"][left]["side"] == "train"
        assert data["loops"][right]["side"] == pair.side
        assert (voices, words) == (pair.voices, str(pair.transform))
        assert (loosely is not None) == (bool(distance) and kind in ("near_loop", "window"))
        assert loosely is None or 0 <= loosely <= distance + 1e-4
        assert distance is None or distance == pytest.approx(pair.distance, abs=1e-4)
    for row in data["loops"]:
        loop = loops[row["name"]]
        assert tuple(data["names"][at] for at in row["parents"]) == loop.lineage.parents
        assert tuple(data["names"][at] for at in row["sources"]) == loop.lineage.source_ids


@pytest.mark.parametrize("transform", [Transform(3), Transform(2, stretch=2.0), Transform(0, 0.5)])
def test_hits_come_as_the_library_lays_them_over_each_other(transform, tmp_path):
    rng = np.random.default_rng(8)
    sided = [("train", random_loop(rng, "a", 2)), ("test", random_loop(rng, "b", 1, bpm=90))]
    pair = Overlap("a", "b", "test", "near_loop", 0.5, transform, "all")
    page = write(tmp_path / "page.html", sided, fabricate(sided, [pair]))
    ((bars, first, shown, *seconds, differs, text, _),) = data_of(page)["aligned"]
    hits = np.frombuffer(base64.b64decode(text), HIT)
    laid = lay_over(sided[0][1], sided[1][1], transform)
    for name, loop in zip(("train", "other"), laid, strict=True):
        velocities, offsets = np.zeros(loop.velocities.size), np.zeros(loop.velocities.size)
        velocities[hits["place"]] = hits[name]
        offsets[hits["place"]] = hits[f"{name}_offset"] / 256
        assert np.array_equal(velocities.reshape(loop.velocities.shape), loop.velocities)
        heard = np.where(loop.onsets, offsets.reshape(loop.offsets.shape), 0)
        assert heard == pytest.approx(np.where(loop.onsets, loop.offsets, 0), abs=1 / 256)
    assert differs == describe_differences(*laid)
    assert (bars, first, shown) == (laid[0].n_bars, 0, laid[0].n_bars)
    lengths = [shown * 16 * each for each in seconds]
    # A loop laid over in half time, or repeated, is heard at its own tempo.
    factors = max(1, 1 / transform.stretch), max(1, transform.stretch)
    for length, (_, loop), factor in zip(lengths, sided, factors, strict=True):
        assert length == pytest.approx(laid[0].n_bars * 240 / loop.bpm / factor, rel=1e-3)


def test_the_kit_of_the_page_sounds_as_the_library_renders_it():
    found = embed_kit()
    for voice, (rate, text) in enumerate(found["sounds"]):
        codes = np.frombuffer(base64.b64decode(text), np.int8) / 127
        heard = np.sign(codes) * (256 ** np.abs(codes) - 1) / 255
        wanted = render_voice(voice, sample_rate=rate, length_s=len(codes) / rate)
        assert heard == pytest.approx(wanted, abs=0.02)
        assert np.std(heard - wanted) < 0.03 * np.std(wanted)
        assert heard[-1] == 0
    assert found["gains"][0] == 0
    assert found["gains"][1:] == pytest.approx(velocity_gain(np.arange(1, 128)), abs=1e-4)
    assert sum(len(text) for _, text in found["sounds"]) < 120_000


def test_of_thousands_of_pairs_the_nearest_of_each_kind_are_there_and_all_are_counted(tmp_path):
    rng = np.random.default_rng(5)
    train = [random_loop(rng, f"train/{i}", 4, 32, 0.06) for i in range(628)]
    test = [random_loop(rng, f"test/{i}", 4, 32, 0.06) for i in range(175)]
    sided = [*(("train", x) for x in train), *(("test", x) for x in test)]
    kinds = ("exact_loop", "near_loop", "voice", "window", "shared_source", "exact_bar")
    pairs = [
        Overlap(f"train/{i % 628}", f"test/{i % 175}", "test", kind, i / 2000, Transform(), "kick")
        for kind in kinds
        for i in range(2000)
    ]
    found = fabricate(sided, pairs, n_pairs=dict.fromkeys(kinds, 123_456))
    page = write(tmp_path / "page.html", sided, found)
    assert (tmp_path / "page.html").stat().st_size < 2 * 2**20
    data = data_of(page)
    assert len(data["pairs"]) == 6 * MAX_PAIRS
    assert "Same loop Every hit is the same. 123,456 2,000 300" in page.text


@pytest.mark.slow
def test_the_densest_loops_stay_under_five_mebibytes(tmp_path):
    rng = np.random.default_rng(6)
    train, test = (
        [random_loop(rng, f"{side}{i}", 8, 96, 0.5) for i in range(100)] for side in "ab"
    )
    sided = [*(("train", x) for x in train), *(("test", x) for x in test)]
    pairs = [
        Overlap(f"a{i}", f"b{i}", "test", kind, i / 100, Transform(), "all")
        for i in range(100)
        for kind in ("near_loop", "window")
    ]
    found = fabricate(sided, pairs)
    page = write(tmp_path / "page.html", sided, found)
    assert (tmp_path / "page.html").stat().st_size < 5 * 2**20
    data = data_of(page)
    n_shown = len(data["pairs"])
    # What is cut off is cut off the far end of every kind alike.
    assert 100 < n_shown < 200
    assert max(pair[3] for pair in data["pairs"]) <= (n_shown + 1) / 200
    assert len(embed_pairs(found, by_id(sided), max_bytes=100)["pairs"]) == 0


def test_a_pair_without_its_loop_is_an_error(tmp_path):
    twin = make_loop([(0, KICK), (8, SNARE)], "twin")
    sided = [("train", make_loop([(0, KICK), (8, SNARE)], "one")), ("test", twin)]
    pair = Overlap("one", "twin", "test", "exact_loop", 0.0, Transform(), "all")
    with pytest.raises(ParameterError, match=r"every loop of the audit by its id .*'twin'"):
        write_audit_report(tmp_path / "p.html", fabricate(sided, [pair]), by_id(sided[:1]))
    assert list(tmp_path.iterdir()) == []


# Without scripts


def test_without_scripts_the_nearest_pairs_are_drawn(tmp_path):
    rng = np.random.default_rng(3)
    parent = random_loop(rng, "the-parent", density=0.2)
    turned = rotate(parent, 8)
    velocities = np.array(turned.velocities)
    step, voice = np.argwhere(velocities)[5]
    velocities[step, voice] = 0
    lineage = Lineage("the-child", ("the-parent",), parents=("the-parent", "another"))
    child = replace(turned, velocities=velocities, lineage=lineage)
    sided = [("train", parent), ("test", child)]
    pairs = [
        Overlap("the-parent", "the-child", "test", "near_loop", 0.04, Transform(6), "all"),
        Overlap("the-parent", "the-child", "test", "voice", 0.0, Transform(6), "kick,snare"),
        Overlap("the-parent", "the-child", "test", "shared_source", np.nan, Transform(), ""),
    ]
    page = write(tmp_path / "page.html", sided, fabricate(sided, pairs))
    assert page.text.count("the-parent train ↔ the-child test") == 3
    assert f"1 of {parent.n_onsets} hits: " in page.text
    assert "Alignment rotated by 6 beats" in page.text
    assert "Shared sources the-parent" in page.text
    assert "Parents held out the-parent, another" in page.text
    labels = [svg["aria-label"] for svg in page.all("svg", class_="grid")]
    assert "Bars 1 to 2: " in labels[0]
    assert " 1 only in the training loop, 0 only in the held-out loop" in labels[0]
    assert len(page.all("path", class_="mark")) == 2
    assert len(page.all("rect", class_="veil")) == 7
    assert "related" in page.text


def test_differences_are_named_by_voice_and_place():
    one = make_loop([(0, KICK), (4, SNARE), (18, CLOSED_HAT)], "one", bars=2)
    other = make_loop([(0, KICK), (4, SNARE), (21, CLOSED_HAT)], "other", bars=2)
    assert describe_differences(one, other) == (
        "2 of 4 hits: closed hat in bar 2, beat 1.5 (only in train); "
        "closed hat in bar 2, beat 2.25 (only in the held-out loop)"
    )
    many = make_loop([(step, KICK) for step in range(9)], "many", bars=2)
    assert describe_differences(one, many) == "10 of 11 hits"


def test_of_long_loops_the_bars_that_differ_are_drawn():
    one = make_loop([(0, KICK)], "one", bars=12)
    other = make_loop([(0, KICK), (16 * 9 + 3, SNARE)], "other", bars=12)
    assert choose_bars(one, other) == range(8, 12)
    first, last = fill_rows(one, other)
    assert (first.bars, last.bars) == (range(8, 10), range(10, 12))
    assert "M19 " in first.paths["vermilion"]
    assert (first.marks, last.marks) == ("M19 0h1", "")


# The file


@pytest.mark.parametrize("protocol", ["by_source", "random_windows"])
def test_the_page_stands_alone_and_is_small(pages, protocol):
    page = pages[protocol]
    assert_stands_alone(page)
    assert len(page.source) < 1_000_000
    assert page.all("meta", name="viewport")
    assert "prefers-color-scheme: dark" in page.source


def test_the_policy_lets_the_pages_own_script_run_and_nothing_else(pages):
    page = pages["random_windows"]
    (policy,) = page.all("meta", http_equiv="Content-Security-Policy")
    code = page.scripts[-1]
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy["content"]
    assert policy["content"].startswith("default-src 'none';")
    assert not re.search(r"fetch\(|XMLHttpRequest|WebSocket|import\(|innerHTML|eval\(", code)


def test_the_same_audit_gives_the_same_bytes(tmp_path):
    sided, found = audit_starter("random_windows")
    for name in ("one", "other"):
        write_audit_report(tmp_path / name, found, by_id(sided))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_no_name_becomes_markup(tmp_path, name):
    def page_of(name):
        hits = [(step, KICK) for step in range(0, 16, 2)]
        sided = [("train", make_loop(hits, name)), ("train", make_loop(hits, "x" + name))]
        child = make_loop(hits, "y" + name, sources=(name,), parents=(name,), style=name)
        sided.append((name, child))
        pair = Overlap(name, "y" + name, name, "exact_loop", 0.0, Transform(), name)
        dropped = Decision("x" + name, "train", False, f"same words as {name}")
        found = fabricate(sided, [pair])
        decisions = (found.decisions[0], dropped, found.decisions[2])
        found = replace(found, decisions=decisions)
        return write(
            tmp_path / "page.html",
            sided,
            found,
            checks=name,
            data=name,
            settings={"split.protocol": name},
            sources={name: SourceFile(name, name)},
        )

    page, plain = page_of(name), page_of("a")
    assert re.sub(r"\s+", " ", f"{name} train ↔ y{name} {name}").strip() in page.text
    assert data_of(page)["loops"][1]["name"] == "y" + name
    # The page has the elements that it has for a plain name, no more and no less.
    assert [(kind, list(found)) for kind, found in page.elements] == [
        (kind, list(found)) for kind, found in plain.elements
    ]


def test_a_hostile_name_is_shown_as_it_is(tmp_path):
    hits = [(step, SNARE) for step in range(0, 16, 3)]
    sided = [("train", make_loop(hits, HOSTILE)), ("test", make_loop(hits, f"2{HOSTILE}"))]
    pair = Overlap(HOSTILE, f"2{HOSTILE}", "test", "exact_loop", 0.0, Transform(), "all")
    page = write(tmp_path / "page.html", sided, fabricate(sided, [pair]))
    assert HOSTILE in page.text
    assert_stands_alone(page)
    assert len(page.all("script")) == 2


def test_a_name_that_is_no_text_does_not_stop_the_page(tmp_path):
    hits = [(0, KICK), (4, SNARE)]
    sided = [("train", make_loop(hits, "caf\udce9")), ("test", make_loop(hits, "other"))]
    pair = Overlap("caf\udce9", "other", "test", "exact_loop", 0.0, Transform(), "all")
    assert "caf?" in write(tmp_path / "page.html", sided, fabricate(sided, [pair])).text


def test_hits_a_step_off_are_told(tmp_path):
    one = make_loop([(step, SNARE) for step in (0, 4, 8, 12)], "one")
    late = make_loop([(step, SNARE) for step in (1, 4, 8, 12)], "late")
    sided = [("train", one), ("test", late)]
    pair = Overlap("one", "late", "test", "near_loop", 0.4, Transform(), "all")
    page = write(tmp_path / "page.html", sided, fabricate(sided, [pair]))
    assert "A step early or late allowed 0.00 apart" in page.text
    assert data_of(page)["pairs"][0][4] == 0
