"""The data checks: what the pipeline's own tables pass, and a failing example of every rule."""

from __future__ import annotations

import copy
import html
from dataclasses import replace

import numpy as np
import pytest

from tasks.checks.history import DATA_DOCS
from tasks.checks.page import INDEX
from tasks.checks.tables import check_tables
from tests.pages import Page
from trapgen.audit import audit_sides
from trapgen.core import (
    KEY_MAPS,
    LOOPS,
    MANIFEST,
    OVERLAP,
    OWN,
    READ_BY,
    AuditParams,
    AugmentParams,
    SplitParams,
    StandardizeParams,
    TableError,
    make_table,
    read_table,
)
from trapgen.dataset import augment_sides, split_sources, write_augmented
from trapgen.ingest import load_standardized, standardize, write_packs

KNOWN_BY = ", ".join([*READ_BY, OWN, *KEY_MAPS])
AUDIT = AuditParams(chance_replicates=4, self_test_leaks=5)
LEAK = "none: the loops share no source, and are neither the same nor nearly so"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Manifest, loops, overlap and summary of the starter corpus, by protocol."""
    folder = tmp_path_factory.mktemp("corpora")
    write_packs(folder / "raw")
    standardize(folder / "raw", folder / "standardized", StandardizeParams())
    manifest = read_table(folder / "standardized" / "manifest.parquet", MANIFEST)
    sources = load_standardized(folder / "standardized")
    sizes = AugmentParams(train_loops=60, validation_loops=15, test_loops=15)

    def draw(rng, split):
        sides = split_sources(sources, split, rng)
        return augment_sides(sources, sides, sizes, split, rng)

    found = {}
    for protocol in ("by_source", "random_windows"):
        sided = draw(np.random.default_rng(1), SplitParams(protocol))
        write_augmented(folder / protocol, sided)
        audit = audit_sides(
            sided,
            AUDIT,
            np.random.default_rng(0),
            protocol=protocol,
            draw_independent=lambda rng: draw(rng, SplitParams()),
        )
        found[protocol] = {
            "manifest": manifest,
            "loops": read_table(folder / protocol / "loops.parquet", LOOPS),
            "overlap": make_table([pair.row() for pair in audit.pairs], OVERLAP),
            "summary": audit.summary(),
        }
    return found


@pytest.fixture
def tables(corpora):
    """The tables that pass, to be broken."""
    return copy.deepcopy(corpora["by_source"])


def break_cells(table, cells):
    """Set one cell a row, from row 2 on; the loop ids of the rows."""
    for row, (column, value) in enumerate(cells, start=2):
        table[column] = table[column].astype(object)
        table.at[row, column] = value
    return table.infer_objects(), table["loop_id"].tolist()


LOOP_CELLS = [
    ("path", None),  # replaced by the path of row 0
    ("role", "cowbell"),
    ("bpm", 900.5),
    ("bpm", 19.0),
    ("n_bars", 0),
    ("steps_per_bar", 20),
    ("n_onsets", 0),
    ("n_onsets", 10**6),
    ("source_ids", ()),
]


def loop_sentences(table, ids, room):
    """What the rules of `LOOP_CELLS` say, in their order."""
    n_rows = len(ids)
    return [
        f"{table}.path must be unique; 2 of {n_rows} rows are not: "
        f"PATH ({ids[0]}), PATH ({ids[2]})",
        f"{table}.role must be one of kick, snare, hat, perc, full; 1 of {n_rows} rows are not: "
        f"cowbell ({ids[3]})",
        f"{table}.bpm must be from 20 to 400; 2 of {n_rows} rows are not: 900.5 ({ids[4]}), "
        f"19 ({ids[5]})",
        f"{table}.n_bars must be at least 1; 1 of {n_rows} rows are not: 0 ({ids[6]})",
        f"{table}.steps_per_bar must be one of 16, 24, 32, 48, 96; 1 of {n_rows} rows are not: "
        f"20 ({ids[7]})",
        f"{table}.n_onsets must be at least 1; 1 of {n_rows} rows are not: 0 ({ids[8]})",
    ], [
        f"{table}.n_onsets must be at most n_bars x steps_per_bar x 9; 2 of {n_rows} rows are not: "
        f"{room} ({ids[6]}), 1000000 ({ids[9]})",
        f"{table}.n_sources must be at least 1; 1 of {n_rows} rows are not: 0 ({ids[10]})",
    ]


def test_the_starter_corpus_passes_and_its_docs_say_so(corpora, tmp_path):
    assert check_tables(**corpora["by_source"], history=tmp_path / "new" / "history") == []
    docs = tmp_path / "new" / "history" / DATA_DOCS
    pages = {page.parts[-4]: page for page in docs.glob("validations/**/*.html")}
    assert set(pages) == {"manifest", "loops", "sources", "overlap", "gate"}
    for name, page in pages.items():
        text = page.read_text(encoding="utf-8")
        assert "Succeeded" in text
        assert name in text


def test_every_rule_of_the_manifest_has_its_sentence(tables):
    manifest = tables["manifest"]
    onsets = manifest["n_onsets"].tolist()
    path = manifest.at[0, "path"]
    lost = manifest.at[10, "source_ids"][0]
    tables["loops"].at[0, "source_ids"] = (lost,)
    cells = [
        *LOOP_CELLS,
        ("key_map", "mystery"),
        ("key_map_confidence", 1.5),
        ("quantization_error_steps", 0.7),
        ("max_quantization_error_steps", 0.6),
        ("recommended_steps_per_bar", 20),
        ("leading_bars", -3),
        ("collapsed_onsets", -1),
        ("dropped_onsets", -2),
        ("loop_id", "twin"),
        ("loop_id", "twin"),
    ]
    cells[0] = ("path", path)
    tables["manifest"], ids = break_cells(manifest, cells)
    tables["manifest"] = make_table(tables["manifest"].to_dict("records"), MANIFEST)
    early, late = loop_sentences("manifest", ids, onsets[6])
    n_rows = len(ids)
    expected = [
        f"manifest.loop_id must be unique; 2 of {n_rows} rows are not: twin",
        *(line.replace("PATH", path) for line in (*early, *late)),
        f"manifest.key_map must be one of {KNOWN_BY}; 1 of "
        f"{n_rows} rows are not: mystery ({ids[11]})",
        f"manifest.key_map_confidence must be from 0 to 1; 1 of {n_rows} rows are not: "
        f"1.5 ({ids[12]})",
        f"manifest.quantization_error_steps must be from 0 to 0.5; 1 of {n_rows} rows are not: "
        f"0.7 ({ids[13]})",
        f"manifest.max_quantization_error_steps must be from 0 to 0.5; 1 of {n_rows} rows are "
        f"not: 0.6 ({ids[14]})",
        f"manifest.recommended_steps_per_bar must be one of 16, 24, 32, 48, 96; 1 of {n_rows} rows "
        f"are not: 20 ({ids[15]})",
        f"manifest.leading_bars must be at least 0; 1 of {n_rows} rows are not: -3 ({ids[16]})",
        f"manifest.collapsed_onsets must be at least 0; 1 of {n_rows} rows are not: -1 ({ids[17]})",
        f"manifest.dropped_onsets must be at least 0; 1 of {n_rows} rows are not: -2 ({ids[18]})",
    ]
    failures = check_tables(**tables, history=None)
    assert failures[:-1] == expected
    assert failures[-1].startswith("sources.in_manifest must be True; 1 of ")
    assert failures[-1].endswith(f" rows are not: False (no file, {lost})")


def test_every_rule_of_the_loops_has_its_sentence(tables):
    loops = tables["loops"]
    onsets = loops["n_onsets"].tolist()
    path = loops.at[0, "path"]
    cells = [*LOOP_CELLS, ("side", "pool"), ("loop_id", "twin"), ("loop_id", "twin")]
    cells[0] = ("path", path)
    loops, ids = break_cells(loops, cells)
    tables["loops"] = make_table(loops.to_dict("records"), LOOPS)
    early, late = loop_sentences("loops", ids, onsets[6])
    failures = check_tables(**tables, history=None)
    assert [line for line in failures if line.startswith("loops.")] == [
        f"loops.loop_id must be unique; 2 of {len(ids)} rows are not: twin",
        *(line.replace("PATH", path) for line in (*early, *late)),
        f"loops.side must be one of train, validation, test; 1 of {len(ids)} rows are not: "
        f"pool ({ids[11]})",
    ]


@pytest.mark.parametrize("name", ["manifest", "loops"])
def test_a_gap_in_any_column_has_its_sentence(tables, name):
    schema = {"manifest": MANIFEST, "loops": LOOPS}[name]
    # A tempo may be unknown.
    free = {"source_path", "pack", "style", "source_ids", "parents", "recipe", "bpm", "stated_bpm"}
    columns = [column for column in schema if column not in free]
    table = tables[name]
    for row, column in enumerate(columns):
        if schema[column] == "int64":
            table[column] = table[column].astype("float64")
        table.loc[row, column] = None
    failures = check_tables(**tables, history=None)
    gaps = {line.split(" must be filled in")[0] for line in failures if "filled in" in line}
    assert gaps == {f"{name}.{column}" for column in columns}
    sentence = f"{name}.n_bars must be filled in; 1 of {len(table)} rows are not: nan "
    row = columns.index("n_bars")
    assert f"{sentence}({table.at[row, 'loop_id']})" in failures


@pytest.mark.slow
def test_a_source_on_two_sides_is_named_where_sources_were_dealt(tables):
    loops = tables["loops"]
    moved = loops.index[loops["side"] == "train"][0]
    source = loops.at[moved, "source_ids"][0]
    loops.at[moved, "source_ids"] = (source,)
    loops.loc[moved + 1, "source_ids"] = loops.loc[moved, "source_ids"]
    loops.at[moved, "side"] = "test"
    (failure,) = check_tables(**tables, history=None)
    assert failure.startswith("sources.sides must be one of train, validation, test; 1 of ")
    of_source = tables["manifest"]["source_ids"].map(lambda ids: source in ids)
    path = tables["manifest"].loc[of_source, "source_path"].iloc[0]
    assert failure.endswith(f" rows are not: test and train ({path}, {source})")
    tables["summary"]["protocol"] = "by_file"
    assert check_tables(**tables, history=None) == []


def test_leaking_sides_are_refused_by_table_and_gate(corpora, tmp_path):
    leaking = corpora["random_windows"]
    overlap, gate = leaking["overlap"], leaking["summary"]
    failures = check_tables(**leaking, history=tmp_path / "history")
    rules = [line.split(";")[0] for line in failures]
    bars, alike = (
        found["limit"] + AUDIT.overlap_tolerance
        for found in (gate["chance_overlap"], gate["sweep"][-1]["chance"])
    )
    assert rules == [
        f"overlap.leak must be {LEAK}",
        f"gate.exact_bar_overlap must be from 0 to {bars:.4g}",
        "gate.near_duplicate_pairs must be 0",
        "gate.shared_source_pairs must be 0",
        f"gate.loops_like_a_training_loop must be from 0 to {alike:.4g}",
    ]
    first = overlap.iloc[0]
    kinds = overlap["kind"].value_counts()
    n_leaks = kinds["exact_loop"] + kinds["shared_source"]
    n_leaks += ((overlap["kind"] == "near_loop") & (overlap["distance"] <= 0.1)).sum()
    assert f"{n_leaks} of {len(overlap)} rows are not: exact_loop (" in failures[0]
    assert f"({first['train_loop']}, {first['other_loop']})" in failures[0]
    assert failures[0].endswith(", …")
    assert failures[2].endswith(f"it is {gate['near_duplicate_pairs']}")
    index = Page(tmp_path / "history" / INDEX)
    assert (
        f"overlap.leak must be {LEAK}; {n_leaks:,} of {len(overlap):,} rows are not:" in index.text
    )
    # Pairs are named by their loops.
    named = f"{first['train_loop']}, {first['other_loop']} {first['kind']}"
    assert f"{n_leaks} of {len(overlap)} {named}" in index.text


def test_every_rule_of_the_overlap_has_its_sentence(tables):
    rows = [
        ("a", "b", "test", "exact_bar", 1.5, "", ""),
        ("a", "c", "train", "exact_bar", 0.0, "", ""),
        ("a", "d", "test", None, 0.0, "", ""),
        ("a", "e", None, "exact_bar", 0.0, "", ""),
        ("a", "f", "test", "shared_source", float("nan"), "", ""),
        ("a", "g", "test", "exact_loop", 0.0, "", ""),
        ("a", "h", "test", "near_loop", 0.1, "", ""),
        ("a", "i", "test", "near_loop", 0.11, "", ""),
    ]
    tables["overlap"] = make_table([dict(zip(OVERLAP, row, strict=True)) for row in rows], OVERLAP)
    assert check_tables(**tables, history=None) == [
        "overlap.kind must be filled in; 1 of 8 rows are not: nan (a, d)",
        "overlap.side must be filled in; 1 of 8 rows are not: nan (a, e)",
        "overlap.side must be one of validation, test; 1 of 8 rows are not: train (a, c)",
        f"overlap.leak must be {LEAK}; 3 of 8 rows are not: shared_source (a, f), "
        "exact_loop (a, g), near_loop (a, h)",
        "overlap.distance must be from 0 to 1; 1 of 8 rows are not: 1.5 (a, b)",
    ]


def test_every_rule_of_the_gate_has_its_sentence(tables):
    summary = tables["summary"]
    summary["exact_bar_overlap"] = 0.5
    summary["chance_overlap"].update(limit=0.02, replicates=0)
    summary["near_duplicate_pairs"] = 3
    summary["shared_source_pairs"] = 4
    summary["effective_sources"]["train"] = 7.25
    summary["self_test"]["recall"].update({"rotated by beats": 0.5, "one voice taken whole": 0.9})
    summary["windows"][1].update(exact=0.4)
    summary["windows"][1]["chance"].update(limit=0.25, replicates=4)
    summary["voices"].update(share=0.75)
    summary["voices"]["chance"].update(limit=0.5, replicates=4)
    summary["sweep"][-1].update(share=0.2)
    summary["sweep"][-1]["chance"].update(limit=0.125, replicates=4)
    expected = [
        "gate.exact_bar_overlap must be from 0 to 0.03; it is 0.5",
        "gate.chance_replicates must be at least 1; it is 0",
        "gate.near_duplicate_pairs must be 0; it is 3",
        "gate.shared_source_pairs must be 0; it is 4",
        "gate.effective_sources_train must be at least 8; it is 7.25",
        "gate.self_test_recall must be from 0.99 to 1; it is 0.5",
        "gate.self_test_voice_recall must be from 0.95 to 1; it is 0.9",
        "gate.windows_of_2_bars must be from 0 to 0.26; it is 0.4",
        "gate.loops_with_a_taken_voice must be from 0 to 0.51; it is 0.75",
        "gate.loops_like_a_training_loop must be from 0 to 0.135; it is 0.2",
    ]
    assert check_tables(**tables, history=None) == expected
    lenient = replace(AUDIT, min_effective_sources=7, self_test_recall=0.5, max_overlap=0.01)
    assert check_tables(**tables, history=None, params=lenient) == [
        "gate.exact_bar_overlap must be from 0 to 0.01; it is 0.5",
        *expected[1:4],
        *expected[-4:],
    ]


def test_a_self_test_without_leaks_does_not_count_as_passed(tables):
    tables["summary"]["self_test"]["recall"] = {}
    (failure,) = check_tables(**tables, history=None)
    assert failure == "gate.self_test_recall must be from 0.99 to 1; it is 0"


@pytest.mark.parametrize(
    ("column", "value"), [("bpm", "fast"), ("key_map_confidence", None), ("role", None)]
)
def test_a_rule_that_cannot_be_held_raises_and_the_history_tells(tables, column, value, tmp_path):
    manifest = tables["manifest"]
    tables["manifest"] = (
        manifest.drop(columns=column) if value is None else manifest.assign(**{column: value})
    )
    with pytest.raises(TableError, match=f"manifest.{column}: unchecked"):
        check_tables(**tables, history=tmp_path)
    (page,) = (tmp_path / DATA_DOCS).glob("validations/manifest/**/*.html")
    assert "Failed" in page.read_text(encoding="utf-8")
    assert f"manifest.{column} must be " in Page(tmp_path / INDEX).text
    assert "it could not be checked: " in Page(tmp_path / INDEX).text


def test_names_of_files_stay_text_in_the_docs(tables, tmp_path):
    tables["manifest"].loc[0, ["loop_id", "role"]] = f"1 {HOSTILE}", HOSTILE
    (failure,) = check_tables(**tables, history=tmp_path / "history")
    assert failure.endswith(f" rows are not: {HOSTILE} (1 {HOSTILE})")
    pages = [page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html")]
    assert not [page for page in pages if HOSTILE in page]
    assert [page for page in pages if html.escape(HOSTILE) in page]


@pytest.mark.slow
def test_nothing_is_printed(tables, capfd, tmp_path):
    tables["summary"]["near_duplicate_pairs"] = 1
    assert len(check_tables(**tables, history=tmp_path / "history")) == 1
    assert capfd.readouterr() == ("", "")
