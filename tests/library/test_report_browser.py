"""The audit's page in a real browser: what the script draws, plays, sorts, and never loads."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.pages import HOSTILE, by_id, fabricate, random_loop
from trapgen.audit import Overlap
from trapgen.report import BrokenRule, CheckRun, SourceFile, write_audit_report, write_checks_page
from trapgen.report.grid import describe_differences
from trapgen.similarity import Transform, lay_over

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LONG = "a_name_without_a_blank_" * 6


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with playwright.sync_playwright() as tool:
        running = tool.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


TRANSFORMS = (
    Transform(),
    Transform(3),
    Transform(-5),
    Transform(2, stretch=2.0),
    Transform(1, stretch=0.5),
    Transform(left_beat=5, right_beat=2, n_bars=1),
    Transform(left_beat=7, right_beat=6, n_bars=2),
    Transform(voices=((0, 4), (4, 0))),
    Transform(4, voices=((3, 2), (7, 8))),
    Transform(voices=((2, -1), (3, 2), (4, 2)), left_voices=((5, 6), (0, -1))),
)


@pytest.fixture(scope="module")
def sided():
    rng = np.random.default_rng(7)
    names = [HOSTILE, LONG, *(f"train/{i:02}" for i in range(58))]
    train = [random_loop(rng, x, 2 if i % 3 else 4, bpm=120 + i) for i, x in enumerate(names)]
    other = []
    for at, base in enumerate(train):
        velocities = np.array(base.velocities)
        for _ in range(at % 5):
            velocities[rng.integers(len(velocities)), rng.integers(9)] = 77
        lineage = {"source_ids": base.lineage.source_ids, "parents": (base.lineage.loop_id,)}
        made = random_loop(rng, f"other/{at:02}", base.n_bars, bpm=90 + at, **lineage)
        other.append(type(made)(velocities, 16, made.bpm, base.offsets, made.lineage))
    sides = ("validation", "test")
    return [
        *(("train", one) for one in train),
        *((sides[at % 2], one) for at, one in enumerate(other)),
    ]


@pytest.fixture(scope="module")
def found(sided):
    train = [one for side, one in sided if side == "train"]
    others = [(side, one) for side, one in sided if side != "train"]
    kinds = ("near_loop", "voice", "window", "shared_source", "exact_bar")
    pairs = []
    for at, (one, (side, other)) in enumerate(zip(train, others, strict=True)):
        kind = kinds[at % len(kinds)]
        distance = float("nan") if kind == "shared_source" else (at * 7 % 60) / 100
        names = one.lineage.loop_id, other.lineage.loop_id
        move = TRANSFORMS[at % len(TRANSFORMS)]
        pairs.append(Overlap(*names, side, kind, distance, move, "kick,snare"))
    return fabricate(sided, pairs)


@pytest.fixture(scope="module")
def address(sided, found, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_audit_report(path, found, by_id(sided))
    return path.as_uri()


@pytest.fixture(scope="module")
def other_addresses(sided, found, tmp_path_factory):
    """A page that refuses, with packs and limits, and the page of the checks."""
    folder = tmp_path_factory.mktemp("pages")
    packs = {name: f"{LONG} {at % 9}" for at, name in enumerate(by_id(sided))}
    files = {name: SourceFile(pack, f"{pack}/{name}.mid") for name, pack in packs.items()}
    broken = replace(found, near_duplicate_pairs=3, reasons=("3 pairs are nearly the same",))
    write_audit_report(
        folder / "audit.html",
        broken,
        by_id(sided),
        data="0123456789abcdef",
        settings={LONG: LONG},
        sources=files,
        checks="checks.html",
    )
    rule = BrokenRule("loops", "bpm must be from 20 to 400", False, 60, 803, [(LONG, HOSTILE)] * 50)
    runs = [
        CheckRun("audit", datetime(2026, 11, day, tzinfo=UTC), 40, [rule] * (day % 3), "0" * 12)
        for day in range(1, 21)
    ]
    write_checks_page(folder / "checks.html", runs)
    return {name: (folder / f"{name}.html").as_uri() for name in ("audit", "checks")}


@pytest.fixture
def open_page(browser, address):
    """Opens a page; at the end nothing but the page itself was asked for, and nothing failed."""
    asked, failed, opened, addresses = [], [], [], []

    def open_it(at=address, **options):
        context = browser.new_context(**options)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("console", lambda message: failed.append(message.text))
        page.on("dialog", lambda dialog: failed.append(dialog.message))
        page.goto(at)
        opened.append(context)
        addresses.append(at)
        return page

    yield open_it
    for context in opened:
        context.close()
    assert set(asked) - {"data:,"} == set(addresses)
    assert failed == []


def wait_until(page, ask):
    """Playwright's own waiting for a function needs `eval`, which the page forbids."""
    for _ in range(200):
        if ask():
            return
        page.wait_for_timeout(50)
    pytest.fail("waited in vain")


def hits_of(page):
    """Hits that were given to the audio so far."""
    return int(page.get_attribute("#pairs", "data-hits") or 0)


def names_of(page):
    return [
        tuple(item.locator(".name").all_inner_texts())
        for item in page.locator("#pairs-list summary").all()
    ]


def distances_of(page):
    words = page.locator("#pairs-list .distance").all_inner_texts()
    told = {"identical": 0.0, "related": np.inf}
    return [told[word] if word in told else float(word.split()[0]) for word in words]


def count_of(page):
    return page.locator("#pairs-count").inner_text()


# What leaves, and what runs


def test_nothing_is_loaded_even_when_asked_for(browser, address):
    page = browser.new_page()
    page.goto(address)
    blocked = page.evaluate(
        """async () => {
            const broken = [];
            const note = (violation) => broken.push(violation.violatedDirective);
            document.addEventListener("securitypolicyviolation", note);
            new Image().src = "http://127.0.0.1:9/picture.png";
            const script = document.createElement("script");
            script.textContent = "alert(3)";
            document.body.append(script);
            await fetch("http://127.0.0.1:9/data.json").catch(() => {});
            await new Promise((done) => setTimeout(done, 100));
            return broken.sort();
        }"""
    )
    page.close()
    assert blocked == ["connect-src", "img-src", "script-src-elem"]


# Filters and the order


def test_pairs_stand_by_kind_until_another_order_is_chosen(open_page, found):
    page = open_page()
    assert count_of(page) == "40 of 60 matching pairs; 60 are on this page."
    kinds = page.locator("#pairs-list .kind").all_inner_texts()
    assert kinds[:12] == ["Similar loop"] * 12
    assert kinds[12:24] == ["Same voice"] * 12
    near = sorted(x.distance for x in found.pairs if x.kind == "near_loop")
    assert distances_of(page)[:12] == pytest.approx(near)
    page.select_option("#pairs-sort", "distance")
    listed = sorted(x.distance for x in found.pairs if x.distance == x.distance)
    assert distances_of(page) == pytest.approx(listed[:40])
    page.select_option("#pairs-sort", "name")
    inner = [name for name, _ in names_of(page) if name.startswith("train/")]
    assert len(inner) >= 38
    assert inner == sorted(inner)
    page.click("#pairs-more")
    assert page.locator("#pairs-list > li").count() == 60
    assert not page.is_visible("#pairs-more")
    # The first of the new ones is where a reader goes on.
    at = "[...document.querySelectorAll('#pairs-list summary')].indexOf(document.activeElement)"
    assert page.evaluate(at) == 40


def test_filters_leave_what_fits_and_say_how_many(open_page, found):
    page = open_page()
    page.select_option("#pairs-kind", "voice")
    assert count_of(page) == "12 of 12 matching pairs; 60 are on this page."
    page.select_option("#pairs-side", "test")
    wanted = [x for x in found.pairs if x.kind == "voice" and x.side == "test"]
    assert len(names_of(page)) == len(wanted)
    page.fill("#pairs-distance", "0.2")
    near = [x for x in wanted if x.distance <= 0.2]
    assert {x for _, x in names_of(page)} == {x.other_loop for x in near}
    page.fill("#pairs-distance", "")
    page.fill("#pairs-text", wanted[0].other_loop.upper())
    assert names_of(page) == [(wanted[0].train_loop, wanted[0].other_loop)]
    page.fill("#pairs-text", "no such name")
    assert count_of(page) == "None of the 60 pairs on this page matches."
    assert page.locator("#pairs-count").get_attribute("role") == "status"


def test_everything_works_by_keyboard(open_page):
    page = open_page()
    page.focus("#pairs-kind")
    page.keyboard.press("ArrowDown")
    assert page.input_value("#pairs-kind") == "near_loop"
    assert count_of(page).startswith("12 of 12")
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "pairs-sort"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    # An open pair is drawn once the browser has told the page that it is open.
    page.wait_for_selector("details[open] button")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Training loop"
    page.keyboard.press("Space")
    page.wait_for_selector("#pairs[data-audio=running]")
    assert page.get_attribute(":focus", "aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert page.get_attribute(":focus", "aria-pressed") == "false"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert not page.locator("#pairs-list details").first.evaluate("x => x.open")


# Grids


def test_loops_are_laid_over_each_other_as_the_library_does(open_page, sided, found):
    page = open_page()
    page.click("#pairs-more")
    page.eval_on_selector_all(
        "#pairs-list details", "all => all.forEach((x) => { x.open = true; })"
    )
    wait_until(page, lambda: page.locator("#pairs-list .body").count() == 60)
    loops = by_id(sided)
    wanted = {}
    for pair in found.pairs:
        laid = lay_over(loops[pair.train_loop], loops[pair.other_loop], pair.transform)
        wanted[pair.train_loop, pair.other_loop] = (
            describe_differences(*laid),
            laid[0].n_onsets + laid[1].n_onsets,
            str(pair.transform) or "none",
        )
    drawn = {}
    for item in page.locator("#pairs-list > li").all():
        facts = dict(
            zip(
                item.locator("dt").all_inner_texts(),
                item.locator("dd").all_inner_texts(),
                strict=True,
            )
        )
        hits = 0
        for label in item.locator("svg.grid").evaluate_all("all => all.map((x) => x.ariaLabel)"):
            both, ours, theirs = (int(part.split()[0]) for part in label.split(": ")[1].split(", "))
            hits += 2 * both + ours + theirs
        names = tuple(item.locator(".name").all_inner_texts())
        drawn[names] = (facts["What differs"], hits, facts["Alignment"])
    assert drawn == wanted


def test_a_copied_voice_is_highlighted(open_page):
    page = open_page()
    page.select_option("#pairs-kind", "voice")
    page.wait_for_selector("#pairs-list .body")
    rows = page.locator("#pairs-list svg.grid").count()
    assert page.locator("#pairs-list .veil").count() == 7 * rows
    page.select_option("#pairs-kind", "window")
    page.wait_for_selector("#pairs-list .body")
    assert page.locator("#pairs-list .veil").count() == 0


# Sound


def test_a_loop_plays_until_another_starts(open_page):
    page = open_page()
    page.wait_for_selector("#pairs-list .body")
    ours, theirs, both = page.locator("#pairs-list .play button").all()
    assert page.get_attribute("#pairs", "data-audio") is None
    ours.click()
    page.wait_for_selector("#pairs[data-audio=running]")
    wait_until(page, lambda: hits_of(page) > 3)
    page.wait_for_selector("#pairs-list .head[visibility=visible]", state="attached")
    before = hits_of(page)
    wait_until(page, lambda: hits_of(page) > before)
    for button, other in ((theirs, ours), (both, theirs)):
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        assert other.get_attribute("aria-pressed") == "false"
    both.click()
    assert page.locator("[aria-pressed=true]").count() == 0
    assert page.locator("#pairs-list .head[visibility=visible]").count() == 0
    stopped = hits_of(page)
    page.wait_for_timeout(400)
    assert hits_of(page) == stopped


def test_a_new_order_stops_the_sound(open_page):
    page = open_page()
    page.locator("#pairs-list .play button").first.click()
    page.wait_for_selector("#pairs[data-audio=running]")
    page.select_option("#pairs-sort", "name")
    stopped = hits_of(page)
    page.wait_for_timeout(400)
    assert hits_of(page) == stopped


def test_the_sound_is_audible_and_does_not_clip(open_page):
    page = open_page()
    page.locator("#pairs-list .play button").first.click()
    page.wait_for_selector("#pairs[data-audio=running]")
    page.keyboard.press("Escape")
    # The page's functions are its own: the same buffers are heard by what they are given to.
    peaks = page.evaluate(
        """() => new Promise((done) => {
            const seen = [];
            const start = AudioBufferSourceNode.prototype.start;
            AudioBufferSourceNode.prototype.start = function (...time) {
                seen.push(Math.max(...this.buffer.getChannelData(0).map(Math.abs)));
                return start.apply(this, time);
            };
            document.querySelector("#pairs-list .play button").click();
            setTimeout(() => done(seen), 200);
        })"""
    )
    assert len(peaks) > 3
    assert all(0.1 < peak < 0.9 for peak in peaks)


def test_without_motion_the_playhead_stands_on_beats(open_page):
    page = open_page(reduced_motion="reduce")
    page.select_option("#pairs-sort", "name")
    page.locator("#pairs-list .play button").first.click()
    places = page.evaluate(
        """() => new Promise((done) => {
            const seen = new Set();
            const look = () => document.querySelectorAll(".head[visibility=visible]").forEach(
                (head) => seen.add(Number(head.getAttribute("x"))));
            const timer = setInterval(look, 20);
            setTimeout(() => { clearInterval(timer); done([...seen]); }, 1300);
        })"""
    )
    assert len(places) >= 2
    assert all(place % 4 == 0 for place in places)


# Narrow screens, dark screens, no scripts


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_at_390_pixels_nothing_overflows(open_page, color_scheme):
    page = open_page(viewport={"width": 390, "height": 800}, color_scheme=color_scheme)
    page.click("#pairs-more")
    page.eval_on_selector_all("details", "all => all.forEach((x) => { x.open = true; })")
    page.wait_for_timeout(100)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(21, 23, 28)") is (color_scheme == "dark")


@pytest.mark.parametrize("name", ["audit", "checks"])
@pytest.mark.parametrize("width", [390, 900])
def test_no_page_overflows(open_page, other_addresses, name, width):
    page = open_page(other_addresses[name], viewport={"width": width, "height": 800})
    page.eval_on_selector_all("details", "all => all.forEach((x) => { x.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # What refuses is what a reader sees first.
    first = page.locator(".verdict .word").bounding_box()
    assert page.locator(".verdict .word").inner_text() == "REFUSE"
    assert first["y"] < 100
    # No label of a chart leaves it.
    inside = """all => all.every((x) => {
        const [own, chart] = [x, x.closest("svg.chart")].map((y) => y.getBoundingClientRect());
        return own.left >= chart.left - 1 && own.right <= chart.right + 1;
    })"""
    assert page.eval_on_selector_all("svg.lineage text", inside)


def test_without_scripts_there_are_pictures_and_no_dead_controls(open_page):
    page = open_page(java_script_enabled=False)
    assert not page.is_visible("#pairs-controls")
    assert page.locator("noscript details").count() == 6
    assert page.locator("noscript svg.grid").first.is_visible()
    note = page.locator("noscript p").first
    assert note.is_visible()
    assert note.inner_text() == "Without scripts, 6 of the pairs are drawn here."
