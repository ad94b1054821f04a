"""The checks of the raw packs: what passes them, and a failing example of every rule."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tasks.checks.history import DATA_DOCS
from tasks.checks.raw import check_raw, make_corpus_suite, make_file_suite, make_pack_suite
from tasks.checks.run import Findings
from tests.strategies import midi_file, note_on, track
from trapgen.core import PACK, StandardizeParams, TableError, make_table, write_table
from trapgen.ingest import gather_packs, import_pack, standardize

N_FILES = 22
FILES = "raw_files.{} must be {}; {} of {} rows are not: {}"
NAME = "none: the name works on every system"
TROUBLE = "none: the file reads to its end and has notes"
SAME = "none: no file before it has its bytes, in at least 95% of the rows"


def check(raw, history=None):
    """Read a folder as the pipeline does, and hold it against the rules."""
    with tempfile.TemporaryDirectory() as out:
        _, rejects = standardize(raw, Path(out), StandardizeParams())
    return check_raw(raw, rejects, history)


def some_midi(number):
    """A file that reads, other than those of other numbers."""
    return midi_file(track(note_on(0, velocity=1 + number), note_on(960)))


@pytest.fixture
def raw(tmp_path):
    """A user's pack of twelve files, and an imported one of ten whose performers are named."""
    rows = []
    for number in range(N_FILES):
        name = f"Kick_{number:02}.mid"
        path = tmp_path / "raw" / ("mine" if number < 12 else "bought") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(some_midi(number))
        if number >= 12:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            rows.append({"path": name, "sha256": digest, "size": path.stat().st_size})
    said = {**dict.fromkeys(PACK, ""), "performer": "drummer1"}
    write_table(
        tmp_path / "raw/bought/pack.csv", make_table([{**said, **row} for row in rows], PACK), PACK
    )
    (tmp_path / "raw/bought/ATTRIBUTION.md").write_text("By drummer1.", encoding="utf-8")
    return tmp_path / "raw"


def name_in_latin(raw):
    (raw / "mine" / os.fsdecode(b"Kick_\xff.mid")).write_bytes(some_midi(50))


def name_for_a_device(raw):
    (raw / "mine/con.mid").write_bytes(some_midi(50))


def name_twice_but_for_case(raw):
    (raw / "mine/KICK_00.mid").write_bytes(some_midi(50))


def empty(raw):
    (raw / "mine/Kick_03.mid").write_bytes(b"")


def inflate(raw):
    with (raw / "mine/Kick_03.mid").open("r+b") as file:
        file.truncate((16 << 20) + 1)


def rename_a_wave(raw):
    (raw / "mine/Kick_03.mid").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt <b>")


def cut(raw):
    path = raw / "mine/Kick_03.mid"
    path.write_bytes(path.read_bytes()[:-6])


def silence(raw):
    (raw / "mine/Kick_03.mid").write_bytes(midi_file(track()))


def count_in_frames(raw):
    (raw / "mine/Kick_03.mid").write_bytes(midi_file(track(note_on(0)), division=0xE728))


def change_after_import(raw):
    (raw / "bought/Kick_13.mid").write_bytes(some_midi(50))


def copy_files(raw):
    for number in (5, 6, 7, 8):
        shutil.copy(raw / "mine/Kick_00.mid", raw / f"mine/Kick_{number:02}.mid")


def add_a_pack_of_one_broken_file(raw):
    (raw / "other").mkdir()
    (raw / "other/Snare.mid").write_bytes(b"PK\x03\x04")


def damage_a_pack(raw):
    for number in range(7):
        (raw / f"mine/Kick_{number:02}.mid").write_bytes(b"<!DOCTYPE html>")


def lose_the_attribution(raw):
    (raw / "bought/ATTRIBUTION.md").unlink()


def damage_everything(raw):
    shutil.rmtree(raw / "bought")
    for path in (raw / "mine").iterdir():
        path.write_bytes(b"") if path.stem > "Kick_02" else path.unlink()


# What is broken, the rule that must catch it, and the sentences: failures, then warnings.
CASES = [
    (
        name_in_latin,
        "raw_files.bad_name",
        [],
        [FILES.format("bad_name", NAME, 1, 23, r"not_utf8 (mine/Kick_\udcff.mid)")],
    ),
    (
        name_for_a_device,
        "raw_files.bad_name",
        [],
        [FILES.format("bad_name", NAME, 1, 23, "device_name (mine/con.mid)")],
    ),
    (
        name_twice_but_for_case,
        "raw_files.name_key",
        [],
        [
            "raw_files.name_key must be unique: no two names differ only in case or accents; "
            "2 of 23 rows are not: mine/kick_00.mid (mine/KICK_00.mid), "
            "mine/kick_00.mid (mine/Kick_00.mid)"
        ],
    ),
    (
        empty,
        "raw_files.size",
        [],
        [FILES.format("size", "from 1 to 16,777,216 bytes", 1, 22, "0 (mine/Kick_03.mid)")],
    ),
    (
        inflate,
        "raw_files.size",
        [],
        [FILES.format("size", "from 1 to 16,777,216 bytes", 1, 22, "16777217 (mine/Kick_03.mid)")],
    ),
    (
        rename_a_wave,
        "raw_files.header",
        [],
        [FILES.format("header", "MThd", 1, 22, r"b'RIFF$\x00\x00\x00' (mine/Kick_03.mid)")],
    ),
    (
        cut,
        "raw_files.trouble",
        [],
        [
            FILES.format(
                "trouble", TROUBLE, 1, 22, "truncated, 1 notes before the cut (mine/Kick_03.mid)"
            )
        ],
    ),
    (
        silence,
        "raw_files.trouble",
        [],
        [FILES.format("trouble", TROUBLE, 1, 22, "no_notes, 0 (mine/Kick_03.mid)")],
    ),
    (
        count_in_frames,
        "raw_files.trouble",
        [],
        [FILES.format("trouble", TROUBLE, 1, 22, "time_division, 0xe728 (mine/Kick_03.mid)")],
    ),
    (
        change_after_import,
        "raw_files.digest",
        [],
        [
            FILES.format(
                "digest",
                "equal to the digest in its pack.csv",
                1,
                22,
                f"{hashlib.sha256(some_midi(50)).hexdigest()} (bought/Kick_13.mid)",
            )
        ],
    ),
    (
        copy_files,
        "raw_files.same_as",
        [],
        [
            FILES.format(
                "same_as",
                SAME,
                4,
                22,
                "mine/Kick_00.mid (mine/Kick_05.mid), mine/Kick_00.mid (mine/Kick_06.mid), "
                "mine/Kick_00.mid (mine/Kick_07.mid), …",
            )
        ],
    ),
    (
        add_a_pack_of_one_broken_file,
        "raw_packs.n_readable",
        [],
        [
            FILES.format("header", "MThd", 1, 23, r"b'PK\x03\x04' (other/Snare.mid)"),
            "raw_packs.n_readable must be at least 1; 1 of 3 rows are not: 0 (other)",
        ],
    ),
    (
        damage_a_pack,
        "raw_packs.share_readable",
        ["raw_packs.share_readable must be from 0.5 to 1; 1 of 2 rows are not: 0.4167 (mine)"],
        [
            FILES.format(
                "header",
                "MThd",
                7,
                22,
                "b'<!DOCTYP' (mine/Kick_00.mid), b'<!DOCTYP' (mine/Kick_01.mid), "
                "b'<!DOCTYP' (mine/Kick_02.mid), …",
            ),
            FILES.format(
                "same_as",
                SAME,
                6,
                22,
                "mine/Kick_00.mid (mine/Kick_01.mid), mine/Kick_00.mid (mine/Kick_02.mid), "
                "mine/Kick_00.mid (mine/Kick_03.mid), …",
            ),
        ],
    ),
    (
        lose_the_attribution,
        "raw_packs.attribution",
        [
            "raw_packs.attribution must be ATTRIBUTION.md beside a pack.csv with performers; "
            "1 of 2 rows are not: missing (bought)"
        ],
        [],
    ),
    (
        damage_everything,
        "raw_corpus.n_readable",
        ["raw_corpus.n_readable must be at least 1; it is 0"],
        [
            FILES.format(
                "size",
                "from 1 to 16,777,216 bytes",
                9,
                9,
                "0 (mine/Kick_03.mid), 0 (mine/Kick_04.mid), 0 (mine/Kick_05.mid), …",
            ),
            "raw_packs.n_readable must be at least 1; 1 of 1 rows are not: 0 (mine)",
        ],
    ),
]


@pytest.mark.parametrize(
    ("damage", "rule", "failures", "warnings"), CASES, ids=[case[0].__name__ for case in CASES]
)
def test_what_is_broken_is_caught_and_named(raw, damage, rule, failures, warnings):
    damage(raw)
    found = check(raw)
    assert found == Findings(tuple(failures), tuple(warnings))
    assert any(sentence.startswith(f"{rule} must be ") for sentence in failures + warnings)


def test_every_rule_has_a_failing_example():
    rules = {
        f"{suite.name}.{expectation.description.split(' must be ')[0]}"
        for suite in (make_file_suite(), make_pack_suite(), make_corpus_suite())
        for expectation in suite.expectations
    }
    assert {case[1] for case in CASES} == rules


def test_packs_that_hold_the_rules_pass(raw, tmp_path):
    assert check(raw, tmp_path / "history") == Findings()
    pages = (tmp_path / "history" / DATA_DOCS / "validations").iterdir()
    assert {page.name for page in pages} == {"raw_files", "raw_packs", "raw_corpus"}


def test_the_starter_corpus_passes(tmp_path):
    gather_packs(tmp_path / "none", tmp_path / "raw")
    assert check(tmp_path / "raw") == Findings()


def test_a_pack_table_that_breaks_its_schema_is_refused(raw):
    (raw / "bought/pack.csv").write_text("path,sha256\na.mid,0\n", encoding="utf-8")
    with pytest.raises(TableError, match=r"bought/pack\.csv: columns"):
        check(raw)


@pytest.mark.slow
def test_groove_as_imported_passes_and_needs_its_attribution(shared, tmp_path):
    import_pack(shared / "data/groove", tmp_path / "raw/groove")
    assert check(tmp_path / "raw") == Findings()
    (tmp_path / "raw/groove/ATTRIBUTION.md").unlink()
    (failure,) = check(tmp_path / "raw").failures
    assert failure.endswith("; 1 of 1 rows are not: missing (groove)")


@pytest.mark.slow
def test_the_original_projects_pool_repeats_itself(shared, tmp_path):
    shutil.copytree(shared / "data/trap-loops", tmp_path / "raw/trap-loops")
    found = check(tmp_path / "raw")
    assert found.failures == ()
    (repeats,) = found.warnings
    assert repeats.startswith(f"raw_files.same_as must be {SAME}; 203 of 526 rows are not: ")
