"""The history of the checks: runs side by side, what goes, and who may write."""

from __future__ import annotations

import csv
import json
import multiprocessing
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tasks.checks import gate, raw, tables, text
from tasks.checks.history import DATA_DOCS, KEPT_RUNS
from tasks.checks.page import INDEX, NOTES
from tasks.checks.run import Check, Findings, run_checks
from tests.pages import HOSTILE, Page, assert_stands_alone
from trapgen.core import AuditParams, TableError

FRIDAY, SATURDAY = (datetime(2026, 11, day, 9, 30, tzinfo=UTC) for day in (27, 28))
N_WRITERS = 2
N_RUNS = 3


def list_docs(index):
    """The addresses of the Data Docs' pages on the page in front."""
    addresses = [link["href"] for link in index.all("a")]
    return [address for address in addresses if address.startswith(DATA_DOCS.as_posix())]


def check(folder, lengths, run_time=None, stage="standardize", **options):
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
    checks = [Check(suite, table, ["loop"]) for suite in suites]
    return run_checks(checks, folder, stage, run_time, **options)


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
    index = Page(tmp_path / INDEX)
    assert "REFUSE The newest run of standardize breaks rules" in index.text
    assert "bars.n_bars must be at least 1; 1 of 3 rows is not: -3 ( loop2 )" in index.text
    # The rules by run, and the rows of each by their names.
    assert "Rule 2026-11-28 09:30 2026-11-27 09:30 bars.n_bars must be at least 1 1 1" in index.text
    rows = "2026-11-28 09:30 1 of 3 loop2 -3 Data Docs 2026-11-27 09:30 1 of 3 loop1 0 Data Docs"
    assert index.text.count(rows) == 2
    for link, row, other in zip(
        list_docs(index)[:2], ("loop2", "loop1"), ("loop1", "loop2"), strict=True
    ):
        docs = (tmp_path / link).read_text(encoding="utf-8")
        assert row in docs
        assert other not in docs


@pytest.mark.slow
def test_a_rule_that_holds_again_stands_beside_the_run_that_broke_it(tmp_path):
    check(tmp_path, [1, 0, 2], FRIDAY)
    check(tmp_path, [1, 1, 2], SATURDAY)
    check(tmp_path, [0], FRIDAY, stage="audit", data="0123456789abcdef")
    index = Page(tmp_path / INDEX)
    assert "REFUSE The newest run of audit breaks rules" in index.text
    assert "0 of 2 rules broken in standardize, 2026-11-28 09:30 UTC" in index.text
    assert "2026-11-28 09:30 pass 0 0 not known 2026-11-27 09:30 refuse 2 2" in index.text
    assert "bars.n_bars must be at least 1 0 1" in index.text
    assert "2026-11-28 09:30 none 2026-11-27 09:30 1 of 3 loop1 0" in index.text
    assert "2026-11-27 09:30 refuse 2 2 not known 0123456789abcdef" in index.text
    (trend, _) = index.all("svg", class_="chart")
    assert trend["aria-label"].endswith("2026-11-27 09:30 refuse; 2026-11-28 09:30 pass")
    assert_stands_alone(index)
    check(tmp_path, [1], SATURDAY, stage="audit")
    assert "4 rules, and no row breaks one" in Page(tmp_path / INDEX).text


def test_a_run_has_the_commit_that_it_ran_on(tmp_path):
    def git(*arguments):
        names = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(
            ["git", *names, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    for name in ("dvc.lock", "params.yaml"):
        (tmp_path / name).write_text("one")
    git("add", "--all")
    git("commit", "--quiet", "--message", "one")
    # A run writes the lock itself.
    (tmp_path / "dvc.lock").write_text("other")
    check(tmp_path / "checks", [1], FRIDAY)
    (tmp_path / "params.yaml").write_text("other")
    check(tmp_path / "checks", [1], SATURDAY)
    with (tmp_path / "checks" / NOTES).open(encoding="utf-8", newline="") as file:
        notes = list(csv.DictReader(file))
    commit = git("rev-parse", "--short=12", "HEAD")
    assert [note["commit"] for note in notes] == [commit, f"{commit}+"]
    assert f"{commit}+" in Page(tmp_path / "checks" / INDEX).text


def test_half_a_result_is_left_out_and_named(tmp_path):
    check(tmp_path, [1], FRIDAY)
    (result, *_) = sorted((tmp_path / "gx/uncommitted/validations").rglob("*.json"))
    result.write_text(result.read_text()[:100])
    assert check(tmp_path, [1], SATURDAY) == Findings()
    index = Page(tmp_path / INDEX)
    assert f"stopped while it wrote them: {result.relative_to(tmp_path).as_posix()}" in index.text
    assert "2026-11-27 09:30 pass 0 0" in index.text


def test_names_of_rows_and_files_are_no_markup(tmp_path):
    import great_expectations as gx
    import great_expectations.expectations as gxe

    rule = gxe.ExpectColumnValuesToBeInSet(
        column="loop", value_set=["a"], description="loop must be a"
    )
    checks = [
        Check(gx.ExpectationSuite("loops", expectations=[rule]), pd.DataFrame({"loop": [HOSTILE]}))
    ]
    run_checks(checks, tmp_path, "audit", FRIDAY)
    index = Page(tmp_path / INDEX)
    assert HOSTILE in index.text
    assert not index.all("script")
    assert_stands_alone(index)


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


def test_data_docs_lead_back_to_the_page_in_front(tmp_path):
    check(tmp_path, [0], FRIDAY)
    links = list_docs(Page(tmp_path / INDEX))
    assert len(links) == 2
    assert all((tmp_path / link).is_file() for link in links)
    front = re.search(r"url=([^\"]+)", (tmp_path / DATA_DOCS / "index.html").read_text())
    assert (tmp_path / DATA_DOCS / front[1]).resolve() == tmp_path / INDEX


@pytest.mark.slow
def test_the_newest_runs_of_a_stage_are_kept(tmp_path):
    check(tmp_path, [0], FRIDAY, stage="audit")
    for day in range(KEPT_RUNS + 2):
        check(tmp_path, [1], FRIDAY + timedelta(days=day))
    kept = {str((FRIDAY + timedelta(days=day)).date()) for day in range(2, KEPT_RUNS + 2)}
    # The other stage's run is older than all of them.
    assert {date for _, date in read_results(tmp_path)} == {*kept, str(FRIDAY.date())}
    pages = list((tmp_path / DATA_DOCS / "validations/bars").rglob("*.html"))
    assert len(pages) == KEPT_RUNS + 1
    assert len((tmp_path / NOTES).read_text().splitlines()) == 1 + KEPT_RUNS + 1
    assert "20 runs, the newest at the right" in Page(tmp_path / INDEX).text
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
    docs = list((tmp_path / DATA_DOCS / "validations").rglob("*.html"))
    assert len(docs) == len(stored) + 2
    assert len((tmp_path / NOTES).read_text().splitlines()) == 1 + N_WRITERS * N_RUNS + 1


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
    assert len(list_docs(Page(tmp_path / INDEX))) == 4


def test_no_settings_or_results_are_kept_without_a_history(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check(None, [1]) == Findings()
    assert list(tmp_path.iterdir()) == []
