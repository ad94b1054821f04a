"""The history of the checks: runs side by side, what goes, and who may write."""

from __future__ import annotations

import html.parser
import json
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tasks.checks import gate, raw, tables, text
from tasks.checks.history import DATA_DOCS, KEPT_RUNS
from tasks.checks.run import Check, Findings, run_checks
from trapgen.core import AuditParams, TableError

FRIDAY, SATURDAY = (datetime(2026, 11, day, 9, 30, tzinfo=UTC) for day in (27, 28))
N_WRITERS = 2
N_RUNS = 3


class Links(html.parser.HTMLParser):
    """The addresses on a page, and its words."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, name, attributes):
        if name == "a":
            self.addresses.append(dict(attributes).get("href") or "")

    def handle_data(self, data):
        self.words += data.split()


def check(folder, lengths, run_time=None, stage="standardize"):
    """Hold loops of these numbers of bars against one rule, in suites of two names."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    table = pd.DataFrame({"loop": [f"loop{n}" for n in range(len(lengths))], "n_bars": lengths})
    suites = [
        gx.ExpectationSuite(
            name,
            expectations=[
                gxe.ExpectColumnValuesToBeBetween(
                    column="n_bars", min_value=1, description="n_bars must be at least 1"
                )
            ],
        )
        for name in ("bars", "bars_again")
    ]
    return run_checks([Check(suite, table, ["loop"]) for suite in suites], folder, stage, run_time)


def read_results(folder):
    """The results in the store, by suite and date."""
    found = {}
    for path in (folder / "gx/uncommitted/validations").rglob("*.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        date = datetime.fromisoformat(result["meta"]["run_id"]["run_time"]).date()
        found[result["suite_name"], str(date)] = result
    return found


def test_two_runs_on_two_dates_stand_side_by_side_with_their_failing_rows(tmp_path):
    assert check(tmp_path, [1, 0, 2], FRIDAY).failures[0].endswith("0 (loop1)")
    assert check(tmp_path, [1, 2, -3], SATURDAY).failures[0].endswith("-3 (loop2)")
    results = read_results(tmp_path)
    failing = {
        date: results["bars", date]["results"][0]["result"]["unexpected_index_list"]
        for date in ("2026-11-27", "2026-11-28")
    }
    assert failing == {
        "2026-11-27": [{"loop": "loop1", "n_bars": 0}],
        "2026-11-28": [{"loop": "loop2", "n_bars": -3}],
    }
    index = Links(tmp_path / DATA_DOCS / "index.html")
    runs = [link for link in index.addresses if link.startswith("validations/bars/")]
    assert [Path(link).parts[3][:8] for link in runs] == ["20261128", "20261127"]
    for link, row, other in zip(runs, ("loop2", "loop1"), ("loop1", "loop2"), strict=True):
        words = Links(tmp_path / DATA_DOCS / link).words
        assert row in words
        assert other not in words
    assert {"2026-11-27", "2026-11-28", "failed"} <= set(index.words)


def test_every_stored_rule_is_found_by_the_name_of_its_expectation(tmp_path):
    summary = {"chance_overlap": {"limit": 0.1}, "windows": [], "voices": {}, "sweep": [{}]}
    none = {"share": 0.0, "chance": {"replicates": 0}}
    summary |= {"voices": none, "sweep": [none]}
    suites = {
        raw: [raw.make_file_suite(), raw.make_pack_suite(), raw.make_corpus_suite()],
        tables: [
            tables.make_manifest_suite(),
            tables.make_loop_suite(),
            tables.make_source_suite("by_source"),
            tables.make_overlap_suite(),
        ],
        gate: [gate.make_gate_suite(summary, AuditParams())],
        text: [text.make_line_suite(32), text.make_count_suite(), text.make_codec_suite(32)],
    }
    for module, made in suites.items():
        source = Path(module.__file__).read_text(encoding="utf-8")
        for suite in made:
            for expectation in suite.expectations:
                assert f"gxe.{type(expectation).__name__}(" in source
                # A sentence that is printed names the column first, then the rule.
                assert expectation.description.split(" must be ")[0] in source


def test_the_index_lists_runs_without_network(tmp_path):
    check(tmp_path, [1], FRIDAY)
    docs = tmp_path / DATA_DOCS
    index = Links(docs / "index.html")
    own = [link for link in index.addresses if link.startswith(("validations/", "expectations/"))]
    assert len(own) == 4
    assert all((docs / link).is_file() for link in own)
    assert "succeeded" in index.words


@pytest.mark.slow
def test_the_newest_runs_of_a_stage_are_kept(tmp_path):
    check(tmp_path, [0], FRIDAY, stage="audit")
    for day in range(KEPT_RUNS + 2):
        check(tmp_path, [1], FRIDAY + timedelta(days=day))
    kept = {str((FRIDAY + timedelta(days=day)).date()) for day in range(2, KEPT_RUNS + 2)}
    # The other stage's run is older than all of them.
    assert {date for _, date in read_results(tmp_path)} == {*kept, str(FRIDAY.date())}
    links = Links(tmp_path / DATA_DOCS / "index.html").addresses
    assert len([link for link in links if link.startswith("validations/bars/")]) == KEPT_RUNS + 1
    places = (tmp_path / "gx/uncommitted").rglob("*")
    assert not [place for place in places if place.is_dir() and not any(place.iterdir())]


def _write(folder, number, barrier):
    import warnings

    warnings.simplefilter("ignore")
    import great_expectations  # noqa: F401

    barrier.wait(60)
    for run in range(N_RUNS):
        check(folder, [number], FRIDAY + timedelta(days=run), stage=f"stage{number}")


@pytest.mark.slow
def test_processes_that_check_at_once_lose_nothing(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(N_WRITERS)
    writers = [
        spawn.Process(target=_write, args=(tmp_path, number, barrier))
        for number in range(N_WRITERS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * N_WRITERS
    stored = list((tmp_path / "gx/uncommitted/validations").rglob("*.json"))
    assert len(stored) == N_WRITERS * N_RUNS * 2
    assert check(tmp_path, [1], SATURDAY + timedelta(days=9)) == Findings()
    links = Links(tmp_path / DATA_DOCS / "index.html").addresses
    assert len([link for link in links if link.startswith("validations/")]) == len(stored) + 2


@pytest.mark.parametrize("n_left", [0, 40, 900])
def test_settings_cut_short_are_named_and_made_again_and_results_stay(tmp_path, n_left):
    check(tmp_path, [0], FRIDAY)
    settings = tmp_path / "gx/great_expectations.yml"
    settings.write_text(settings.read_text()[:n_left])
    with pytest.raises(TableError, match=r"great_expectations\.yml: unreadable"):
        check(tmp_path, [0], SATURDAY)
    settings.unlink()
    check(tmp_path, [0], SATURDAY)
    assert {date for _, date in read_results(tmp_path)} == {"2026-11-27", "2026-11-28"}
    links = Links(tmp_path / DATA_DOCS / "index.html").addresses
    assert len([link for link in links if link.startswith("validations/bars/")]) == 2


def test_no_settings_or_results_are_kept_without_a_history(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check(None, [1]) == Findings()
    assert list(tmp_path.iterdir()) == []
