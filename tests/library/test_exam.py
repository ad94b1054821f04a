"""The exam holds still: a source keeps its split when the corpus grows, and what moves is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.library.test_split import make_corpus
from tests.strategies import random_loop
from trapgen.core import SIDES, Lineage, Params, SplitParams, StandardizeParams
from trapgen.dataset import continue_exam, find_learned
from trapgen.dataset.exam import DEALT, LEARNED, PUBLISHED, open_exam
from trapgen.dataset.split import share_of

SEEDS = st.integers(0, 2**32 - 1)
ROLES = ("kick", "snare", "hat", "full")


class Growing:
    """A corpus that grows, and its rows of `assigned.csv`."""

    def __init__(self, loops, params=None):
        self.loops, self.params, self.rows = list(loops), params or Params(), []
        self.sit()

    def sit(self, **given):
        self.split = continue_exam(self.loops, self.params, self.rows, **given)
        self.rows += self.split.rows
        return self.split

    def sides(self):
        """The split of each source."""
        return {
            source: side
            for loop, side in zip(self.loops, self.split.sides, strict=True)
            for source in loop.lineage.source_ids
        }


def name(loop, number, role="full", sources=None):
    return replace(loop, lineage=Lineage(f"new-{number}", sources or (f"new{number}",), role=role))


def draw_loop(rng, like):
    return random_loop(rng, int(rng.integers(1, 3)), like.steps_per_bar)


def draw_newcomers(loops, rng, first):
    """1 to 20 loops: new ones, near-duplicates of old ones, and some that join two old ones."""
    made = []
    for at in range(first, first + int(rng.integers(1, 21))):
        kind = rng.random()
        old = loops[int(rng.integers(len(loops)))]
        if kind < 0.7:
            made.append(name(draw_loop(rng, old), at, str(rng.choice(ROLES))))
        elif kind < 0.95:
            made.append(name(old, at, old.lineage.role))
        else:
            other = loops[int(rng.integers(len(loops)))]
            sources = (old.lineage.source_ids[0], other.lineage.source_ids[0])
            made.append(name(draw_loop(rng, old), at, "full", sources))
    return made


def check_growth(corpus, rng, n_additions):
    """Grow a corpus and check each addition; the number of moves."""
    growing = Growing(corpus)
    n_moves = 0
    for _ in range(n_additions):
        before, known = growing.sides(), len(growing.rows)
        growing.loops += draw_newcomers(growing.loops, rng, len(growing.loops))
        split, after = growing.sit(), growing.sides()
        told = {row["source_id"]: row for row in growing.rows[known:]}
        together = {}
        for loop, component in zip(growing.loops, split.components.tolist(), strict=True):
            together.setdefault(component, set()).update(loop.lineage.source_ids)
        component_of = {s: c for c, sources in together.items() for s in sources}
        for source, side in before.items():
            # It must move only where it meets a source of an earlier split.
            met = {before[s] for s in together[component_of[source]] if s in before}
            must = min(met, key=SIDES.index)
            assert after[source] == must
            if side != must:
                n_moves += 1
                assert told[source]["side"] == must
                assert split.exam.moved_from[source] == side
                assert told[source]["why"].startswith("related to ")
        assert told.keys() == {s for s in after if after[s] != before.get(s)}
        largest = max(Counter(split.components.tolist()).values())
        for side in SIDES:
            share = split.sides.count(side) / len(growing.loops)
            off = abs(share - share_of(side, growing.params.split))
            assert off <= max(0.05, largest / len(growing.loops)), (side, share)
    return n_moves


def test_no_old_source_moves_unless_it_must(corpus):
    assert check_growth(corpus, np.random.default_rng(1), 10) > 0


@pytest.mark.slow
def test_two_hundred_additions(corpus):
    moves = [check_growth(corpus, np.random.default_rng(seed), 20) for seed in range(10)]
    assert sum(moves) > 10


@settings(max_examples=20)
@given(SEEDS)
def test_sitting_again_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    growing = Growing(make_corpus(kick=8, snare=8, hat=8))
    growing.loops += draw_newcomers(growing.loops, rng, len(growing.loops))
    first = growing.sit().describe(growing.loops)
    again = growing.sit()
    assert again.rows == []
    assert again.describe(growing.loops) == first


def test_the_order_of_files_decides_nothing():
    growing = Growing(make_corpus(kick=8, snare=8, hat=8))
    before = growing.sides()
    growing.loops.reverse()
    growing.sit()
    assert growing.sides() == before


def test_newcomers_alone_make_up_for_what_left():
    growing = Growing(make_corpus(full=40))
    held_out = {s for s, side in growing.sides().items() if side == "test"}
    leaving = set(sorted(held_out)[1:])
    growing.loops = [x for x in growing.loops if not leaving.intersection(x.lineage.source_ids)]
    rng = np.random.default_rng(7)
    growing.loops += [name(random_loop(rng, 1), at) for at in range(len(leaving))]
    before = growing.split.exam.assigned
    growing.sit()
    assert all(side == before.get(s, side) for s, side in growing.sides().items())
    assert Counter(growing.split.sides)["test"] == len(held_out)


def test_a_source_that_comes_back_has_its_split_again():
    growing = Growing(make_corpus(full=20))
    before, whole = growing.sides(), growing.loops
    growing.loops = whole[:15]
    growing.sit()
    growing.loops = whole
    growing.sit()
    assert growing.sides() == before


@pytest.mark.parametrize(
    "params",
    [
        Params(seed=1),
        Params(split=SplitParams("published")),
        Params(standardize=StandardizeParams(key_map="paper")),
        Params(standardize=StandardizeParams(feel="keep")),
    ],
    ids=["seed", "protocol", "key map", "feel"],
)
def test_other_rules_begin_another_exam_and_the_old_one_stays(params):
    growing = Growing(make_corpus(full=20))
    first, old = growing.split.exam, growing.params
    growing.params = params
    published = [*["train"] * 8, *["validation"] * 2, *["test"] * 2, *[""] * 8]
    other = growing.sit(published=published)
    assert other.exam.name != first.name
    growing.params = old
    assert growing.sit().exam == first


def test_another_grid_or_other_shares_are_the_same_exam():
    growing = Growing(make_corpus(full=20))
    before = growing.sides()
    growing.params = Params(
        split=SplitParams(test_share=0.4), standardize=StandardizeParams(steps_per_bar=16)
    )
    growing.sit()
    assert growing.sides() == before


def test_another_corpus_begins_another_exam():
    growing = Growing(make_corpus(full=20))
    first = growing.split.exam
    rng = np.random.default_rng(3)
    growing.loops = [name(random_loop(rng, 1), at) for at in range(20)]
    second = growing.sit().exam
    assert second.name == f"{first.name}-2"
    assert set(second.why.values()) == {DEALT}
    assert open_exam(growing.rows, growing.params, second.assigned.keys()).name == second.name


def test_what_a_start_model_has_learned_is_trained_on():
    growing = Growing(make_corpus(full=40))
    tested = [at for at, side in enumerate(growing.split.sides) if side == "test"]
    same = growing.loops[tested[0]]
    velocities = np.array(growing.loops[tested[1]].velocities)
    velocities[tuple(np.argwhere(velocities)[0])] = 0
    near = name(replace(growing.loops[tested[1]], velocities=velocities), 99)
    split = growing.sit(learned=[same, near])
    for at in tested[:2]:
        assert split.sides[at] == "train"
        (source,) = growing.loops[at].lineage.source_ids
        assert (split.exam.moved_from[source], split.exam.why[source]) == ("test", LEARNED)
    assert [split.sides[at] for at in tested[2:]] == ["test"] * len(tested[2:])


def test_a_part_is_recognized_in_a_recombined_loop(corpus):
    kick = next(loop for loop in corpus if loop.lineage.role == "kick")
    hat = next(loop for loop in corpus if loop.lineage.role == "hat")
    n_steps = min(kick.n_steps, hat.n_steps)
    velocities = np.maximum(kick.velocities[:n_steps], hat.velocities[:n_steps])
    made = replace(
        kick,
        velocities=velocities,
        **{key: np.zeros_like(getattr(kick, key)[:n_steps])
           for key in ("offsets", "pitches", "lengths")},
        lineage=Lineage("made", ("elsewhere",), role="full", recipe="{}"),
    )  # fmt: skip
    known = {corpus[at].lineage.loop_id for at in find_learned(corpus, [made], 0.0)}
    assert {kick.lineage.loop_id, hat.lineage.loop_id} <= known
    assert find_learned(corpus, [], 0.15) == []


def test_a_group_stays_in_one_split():
    loops = make_corpus(full=60)
    groups = [f"song {at % 12}" for at in range(60)]
    split = continue_exam(loops, Params(), [], groups=groups)
    assert all(
        len({side for side, group in zip(split.sides, groups, strict=True) if group == each}) == 1
        for each in groups
    )
    apart = Params(split=SplitParams(groups=False))
    assert continue_exam(loops, apart, [], groups=groups).sides != split.sides


def test_what_a_publisher_states_holds_and_relatives_follow():
    loops = make_corpus(full=20)
    loops[10] = replace(loops[0], lineage=loops[10].lineage)
    published = ["test", *["train"] * 4, "validation", *[""] * 14]
    params = Params(split=SplitParams("published"))
    split = continue_exam(loops, params, [], published=published)
    assert split.sides[:6] == published[:6]
    assert split.sides[10] == "test"
    assert split.exam.why["full0"] == PUBLISHED


@pytest.mark.parametrize("protocol", ["by_file", "random_windows"])
def test_the_original_protocols_assign_nothing(protocol):
    split = continue_exam(make_corpus(full=4), Params(split=SplitParams(protocol)), [])
    assert split.rows == []
    assert set(split.sides) == {"pool"}
