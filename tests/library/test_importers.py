"""Importing packs: every byte accounted for, and nothing from outside believed."""

import contextlib
import csv
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
import time
import unicodedata
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.command import trapgen
from trapgen.core import (
    PACK,
    REJECTS,
    InputError,
    ParameterError,
    StandardizeParams,
    TableError,
    read_table,
)
from trapgen.ingest import Limits, download_groove, find_midi, import_pack, read_folder, write_packs
from trapgen.ingest.importers.groove import ATTRIBUTION, COLUMNS

SMALL = Limits(entry_bytes=1 << 18, ratio=100, ratio_from_bytes=1 << 16)


def tree(folder: Path) -> dict[str, str]:
    """Every path below a folder, with the digest of what it holds."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in folder.rglob("*")
    }


def midi_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix.lower() in (".mid", ".midi")
    }


def rules(pack: Path) -> dict[str, str]:
    rows = read_table(pack / "rejects.csv", REJECTS)
    return dict(zip(rows["path"], rows["rule"], strict=True))


def zip_folder(path: Path, folder: Path, top: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, top + file.relative_to(folder).as_posix())
    return path


@pytest.fixture(scope="module")
def packs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("starter")
    write_packs(folder)
    return folder


@pytest.fixture
def midi(packs) -> bytes:
    return find_midi(packs)[0].read_bytes()


def test_a_folder_is_copied_byte_for_byte_and_reads_the_same(packs, tmp_path):
    out = tmp_path / "pack"
    done = import_pack(packs, out)
    assert midi_below(out) == midi_below(packs)
    assert done.n_written == len(done.pack) == len(midi_below(packs))
    pairs = zip(
        read_folder(packs, StandardizeParams()), read_folder(out, StandardizeParams()), strict=True
    )
    for ours, theirs in pairs:
        assert ours.loop.lineage.loop_id == theirs.loop.lineage.loop_id
        assert ours.loop == theirs.loop


def test_pack_csv_has_a_row_a_file_sorted_with_its_digest_and_size(packs, tmp_path):
    import_pack(packs, tmp_path / "pack")
    table = read_table(tmp_path / "pack" / "pack.csv", PACK)
    assert list(table["path"]) == sorted(midi_below(packs))
    for row in table.itertuples():
        data = (packs / row.path).read_bytes()
        assert (row.sha256, row.size) == (hashlib.sha256(data).hexdigest(), len(data))
        assert (row.style, row.bpm, row.meter, row.performer, row.split, row.kind) == ("",) * 6


def test_other_files_are_left_out_and_counted_by_ending(tmp_path, midi):
    source = tmp_path / "source"
    source.mkdir()
    names = ("a.MID", "b.midi", "x.wav", "y.WAV", "readme", "._a.mid", "z.txt")
    for name in names:
        (source / name).write_bytes(midi)
    done = import_pack(source, tmp_path / "pack")
    assert list(done.pack["path"]) == ["a.MID", "b.midi"]
    assert done.left_out == {".txt": 1, ".wav": 2, "hidden": 1, "none": 1}
    assert not len(done.rejects)


def test_one_midi_file_is_a_source(tmp_path, midi):
    (tmp_path / "kick.mid").write_bytes(midi)
    import_pack(tmp_path / "kick.mid", tmp_path / "pack")
    assert midi_below(tmp_path / "pack") == {"kick.mid": midi}


def test_a_zip_gives_the_pack_that_its_folder_gives(packs, tmp_path):
    import_pack(packs, tmp_path / "of-folder")
    import_pack(zip_folder(tmp_path / "x.zip", packs), tmp_path / "of-zip")
    assert tree(tmp_path / "of-zip") == tree(tmp_path / "of-folder")


class Pipe(io.RawIOBase):
    """A stream that cannot seek: `zipfile` then writes sizes after the data, not before."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.data += data
        return len(data)


def test_all_ways_of_writing_a_zip_are_read(tmp_path, midi):
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        archive.writestr("stored.mid", midi)
        archive.writestr("deflated.mid", midi, zipfile.ZIP_DEFLATED)
        archive.writestr("empty.mid", b"", zipfile.ZIP_DEFLATED)
        archive.writestr("umlaut-\u00fc.mid", midi)
        with archive.open("wide.mid", "w", force_zip64=True) as file:
            file.write(midi)
        archive.comment = b"PK\x05\x06 is not the end"
    # Something before the ZIP, as in archives that unpack themselves.
    (tmp_path / "x.zip").write_bytes(b"#!/bin/sh\n" + pipe.data)
    done = import_pack(tmp_path / "x.zip", tmp_path / "pack")
    assert not len(done.rejects)
    assert midi_below(tmp_path / "pack") == {
        "stored.mid": midi,
        "deflated.mid": midi,
        "empty.mid": b"",
        "umlaut-\u00fc.mid": midi,
        "wide.mid": midi,
    }


@pytest.mark.slow
def test_a_zip_of_more_than_65535_entries_is_read_to_its_end(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for at in range(65_540):
            archive.writestr(zipfile.ZipInfo(f"{at}.txt"), b"")
        archive.writestr("last.mid", b"MThd")
    done = import_pack(path, tmp_path / "pack")
    assert done.left_out == {".txt": 65_540}
    assert midi_below(tmp_path / "pack") == {"last.mid": b"MThd"}


def test_hostile_entries_are_refused_by_name_and_the_rest_imported(tmp_path, midi):
    path, out = tmp_path / "hostile.zip", tmp_path / "pack"
    absolute = (tmp_path / "absolute.mid").as_posix()
    noise = os.urandom(SMALL.entry_bytes + 1)
    composed = unicodedata.normalize("NFC", "caf\u00e9.mid")
    decomposed = unicodedata.normalize("NFD", composed)
    long = "long" * 64 + ".mid"
    expected = {
        "../up.mid": "path_traversal",
        "a/../../up.mid": "path_traversal",
        "..\\up.mid": "path_traversal",
        absolute: "absolute_path",
        "C:\\x.mid": "absolute_path",
        "c:x.mid": "absolute_path",
        "\\\\server\\x.mid": "absolute_path",
        "kit\\kick.mid": "backslash",
        "kit//snare.mid": "empty_part",
        "./dot.mid": "empty_part",
        ".. /blank.mid": "empty_part",
        "CON.mid": "device_name",
        "kit/com1.loop.mid": "device_name",
        long: "name_length",
        "Clash.mid": "name_clash",
        "clash.mid": "name_clash",
        composed: "name_clash",
        decomposed: "name_clash",
        "file.mid": "name_clash",
        "file.mid/below.mid": "name_clash",
        "pack.csv/x.mid": "name_clash",
        "inner.zip": "nested_zip",
        "big.mid": "entry_bytes",
        "bomb.mid": "ratio",
    }
    good = {"good.mid": midi, "kit/Good 2.MIDI": midi}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (*expected, *good):
            data = {"big.mid": noise, "bomb.mid": bytes(SMALL.entry_bytes)}.get(name, midi)
            archive.writestr(name, data)

        def spoil(name: str, rule: str, data: bytes = midi) -> zipfile.ZipInfo:
            """Add an entry whose place in the directory is then written over."""
            archive.writestr(name, data)
            expected[name] = rule
            return archive.filelist[-1]

        # What `zipfile` writes at the end is what these say; the entry itself is written already.
        spoil("link.mid", "symlink").external_attr = (stat.S_IFLNK | 0o777) << 16
        spoil("reparse.mid", "symlink").external_attr = 0x400
        spoil("pipe.mid", "not_a_file").external_attr = (stat.S_IFIFO | 0o644) << 16
        spoil("locked.mid", "encrypted").flag_bits |= 1
        spoil("lzma.mid", "compression").compress_type = zipfile.ZIP_LZMA
        spoil("says-less.mid", "size_mismatch", bytes(1 << 20)).file_size = 10
        spoil("says-more.mid", "size_mismatch").file_size = len(midi) + 1
        spoil("says-huge.mid", "entry_bytes").file_size = 10 << 30
        spoil("checksum.mid", "checksum").CRC ^= 1
        spoil("elsewhere.mid", "damaged").header_offset += 1
        spoil("beyond.mid", "damaged").header_offset = 1 << 40
        archive.writestr("twice.mid", midi)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("twice.mid", midi[:-1])
        archive.writestr("bell\x07.mid", midi)
        archive.writestr("nul_.mid", midi)
        archive.writestr("raw?.mid", midi)
        archive.writestr("flagged\u00fc.mid", midi)
    expected |= {
        "twice.mid": "duplicate_name",
        "bell\\x07.mid": "control_character",
        "nul\\x00.mid": "control_character",
        "raw\\udcff.mid": "not_utf8",
        "flagged\\udcff\\udcfe.mid": "not_utf8",
    }
    # Names that `zipfile` would not write.
    data = path.read_bytes().replace(b"nul_.mid", b"nul\x00.mid").replace(b"raw?", b"raw\xff")
    path.write_bytes(data.replace(b"flagged\xc3\xbc", b"flagged\xff\xfe"))

    done = import_pack(path, out, limits=SMALL)
    assert rules(out) == expected
    assert list(done.rejects["path"]).count("twice.mid") == 2
    assert midi_below(out) == good
    assert list(done.pack["path"]) == sorted(good)
    assert {file.name for file in tmp_path.iterdir()} == {"hostile.zip", "pack"}
    assert set(tree(out)) == {"good.mid", "kit", "kit/Good 2.MIDI", "pack.csv", "rejects.csv"}


def test_a_bomb_stops_at_the_limit_whatever_its_header_says(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.mid", bytes(200 << 20))
        archive.filelist[-1].file_size = 16 << 20  # within the limits by its header
    script = (
        "import sys, pandas; from pathlib import Path; from resource import *;"
        "from trapgen.ingest import import_pack;"
        "before = getrusage(RUSAGE_SELF).ru_maxrss;"
        "done = import_pack(Path(sys.argv[1]), Path(sys.argv[2]));"
        "print(done.rejects['rule'][0], getrusage(RUSAGE_SELF).ru_maxrss - before)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, path, tmp_path / "pack"],
        capture_output=True,
        text=True,
        check=True,
    )
    rule, grown_kb = answer.stdout.split()
    assert rule == "ratio"
    assert int(grown_kb) < 32 << 10


def refuse_zip(path: Path, out: Path, limits: Limits | None = None) -> str:
    """The rule by which a ZIP as a whole is refused, before anything is written."""
    with pytest.raises(InputError) as caught:
        import_pack(path, out, limits=limits)
    assert caught.value.path == path
    assert not out.exists()
    return caught.value.rule


def test_a_zip_over_a_limit_in_all_is_refused_before_anything_is_written(tmp_path):
    path, zeros = tmp_path / "x.zip", tmp_path / "zeros.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in "abcd":
            archive.writestr(f"{name}.mid", os.urandom(1000))
        archive.writestr("sound.wav", bytes(5000))
    out = tmp_path / "pack"
    assert refuse_zip(path, out, Limits(total_bytes=3999)) == "total_bytes"
    assert refuse_zip(path, out, Limits(entries=4)) == "entry_count"
    with zipfile.ZipFile(zeros, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(40):
            archive.writestr(f"{number}.mid", bytes(SMALL.ratio_from_bytes // 2))
    assert refuse_zip(zeros, out, SMALL) == "ratio"
    import_pack(path, out, limits=Limits(total_bytes=4000, entries=5))
    assert len(midi_below(out)) == 4


# Offsets of fields in an entry of the directory, and in its end (APPNOTE 4.3.12, 4.3.16).
_NAME, _EXTRA, _COMMENT, _COUNT, _SIZE = 28, 30, 32, 8, 12


@pytest.mark.parametrize(
    ("place", "field", "change"),
    [
        ("entry", _NAME, 1),
        ("entry", _EXTRA, 51),
        ("entry", _COMMENT, 51),
        ("entry", _COMMENT, 1),
        ("end", _COUNT, 1),
        ("end", _COUNT, -1),
        ("end", _SIZE, -51),
        ("end", _SIZE, -102),
    ],
)
def test_a_zip_whose_directory_does_not_add_up_is_refused(tmp_path, midi, place, field, change):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.mid", midi)
        archive.writestr("b.mid", midi)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02" if place == "entry" else b"PK\x05\x06") + field
    for offset in (at, at + 2) if field == _COUNT else (at,):
        stated = int.from_bytes(data[offset : offset + 2], "little")
        data[offset : offset + 2] = (stated + change).to_bytes(2, "little")
    path.write_bytes(data)
    assert refuse_zip(path, tmp_path / "pack") in ("directory", "not_a_zip")


def test_a_zip_whose_entries_overlap_is_refused(tmp_path):
    path = tmp_path / "overlap.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0.mid", os.urandom(1 << 12))
        first = archive.filelist[0]
        for number in range(1, 50):
            again = zipfile.ZipInfo(f"{number}.mid")
            for name in ("CRC", "compress_size", "file_size", "header_offset", "compress_type"):
                setattr(again, name, getattr(first, name))
            archive.filelist.append(again)
    assert refuse_zip(path, tmp_path / "pack") == "directory"


@pytest.mark.parametrize("name", ["entry_bytes", "total_bytes", "entries", "ratio"])
def test_limits_name_the_value_they_refuse(name):
    with pytest.raises(ParameterError, match=rf"limits\.{name} .*received 0"):
        Limits(**{name: 0})


@pytest.mark.parametrize("data", [b"", b"MThd", b"PK\x05\x06" + bytes(18)[:10], b"PK" * 100])
def test_what_is_no_zip_is_said_so(tmp_path, data):
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(InputError, match="not_a_zip"):
        import_pack(tmp_path / "x.zip", tmp_path / "pack")
    assert not (tmp_path / "pack").exists()


def test_nothing_to_import_is_said_so(tmp_path):
    (tmp_path / "source").mkdir()
    for source, rule in ((tmp_path / "source", "no_midi"), (tmp_path / "nowhere", "missing")):
        with pytest.raises(InputError, match=rule):
            import_pack(source, tmp_path / "pack")


NAMES = st.lists(
    st.sampled_from(["a", "A", "b", "\u00e9", "e\u0301", "/", "\\", ".", "..", ":", " ", "\x1f"]),
    min_size=1,
    max_size=5,
).map(lambda parts: "".join(parts) + ".mid")


@given(names=st.lists(NAMES, min_size=1, max_size=6))
@settings(max_examples=60)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_every_entry_is_imported_or_refused_whatever_its_name(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("names")
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        for name in (*names, "good.mid"):
            archive.writestr(name, name)
    done = import_pack(folder / "x.zip", folder / "pack")
    hidden = done.left_out.get("hidden", 0)
    assert len(done.pack) + len(done.rejects) + hidden == len(names) + 1
    assert {name: data.decode() for name, data in midi_below(folder / "pack").items()} == {
        name: name for name in done.pack["path"]
    }
    assert sorted(path.name for path in folder.iterdir()) == ["pack", "x.zip"]


@given(at=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.booleans())
@settings(max_examples=150)
def test_a_spoiled_byte_never_writes_a_wrong_file(tmp_path_factory, at, value, cut):
    folder = tmp_path_factory.mktemp("spoiled")
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one.mid", b"one" * 50)
        archive.writestr("two.mid", b"two" * 50)
    data = bytearray(plain.getvalue())
    data[at % len(data)] = value
    (folder / "x.zip").write_bytes(data[: at % len(data)] if cut else data)
    # All or nothing: a directory that cannot be read leaves no pack behind.
    with contextlib.suppress(InputError):
        import_pack(folder / "x.zip", folder / "pack")
    assert {path.name for path in folder.iterdir()} <= {"pack", "x.zip"}
    assert set(midi_below(folder / "pack").values()) <= {b"one" * 50, b"two" * 50}
    assert (folder / "pack" / "pack.csv").exists() or not (folder / "pack").exists()


def test_links_that_leave_a_folder_are_refused(tmp_path, midi):
    source, outside = tmp_path / "source", tmp_path / "outside"
    (source / "kit").mkdir(parents=True)
    outside.mkdir()
    for path in (source / "kit" / "kick.mid", outside / "secret.mid"):
        path.write_bytes(midi)
    (source / "within.mid").symlink_to("kit/kick.mid")
    (source / "out.mid").symlink_to(outside / "secret.mid")
    (source / "up.mid").symlink_to("../outside/secret.mid")
    (source / "folder").symlink_to(outside)
    (source / "again").symlink_to("kit")
    (source / "gone.mid").symlink_to("nowhere.mid")
    (source / "ring.mid").symlink_to("ring.mid")
    (source / "inner.zip").write_bytes(b"PK")
    os.mkfifo(source / "pipe.mid")
    (source / os.fsdecode(b"raw\xff.mid")).write_bytes(midi)
    import_pack(source, tmp_path / "pack")
    assert midi_below(tmp_path / "pack") == {"kit/kick.mid": midi, "within.mid": midi}
    assert rules(tmp_path / "pack") == {
        "out.mid": "symlink",
        "up.mid": "symlink",
        "folder": "symlink",
        "again": "symlink",
        "gone.mid": "broken_link",
        "ring.mid": "broken_link",
        "inner.zip": "nested_zip",
        "pipe.mid": "not_a_file",
        "raw\\udcff.mid": "not_utf8",
    }


def test_a_file_that_differs_is_never_overwritten(packs, tmp_path):
    out = tmp_path / "pack"
    mine = out / find_midi(packs)[5].relative_to(packs)
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(InputError, match=mine.name):
        import_pack(packs, out)
    assert mine.read_bytes() == b"mine"
    assert not (out / "pack.csv").exists()


def test_what_is_there_already_stays_untouched(packs, tmp_path):
    out = tmp_path / "pack"
    import_pack(packs, out)
    before = {path: path.stat().st_mtime_ns for path in find_midi(out)}
    (out / "kit-of-mine.mid").write_bytes(b"mine")
    assert import_pack(packs, out).n_written == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (out / "kit-of-mine.mid").read_bytes() == b"mine"


def test_a_pack_keeps_to_one_import(packs, tmp_path, midi):
    out, other = tmp_path / "pack", tmp_path / "other.mid"
    other.write_bytes(midi)
    import_pack(packs, out)
    before = tree(out)
    with pytest.raises(InputError, match="other_import"):
        import_pack(other, out)
    assert tree(out) == before


@pytest.mark.parametrize("name", ["pack.csv", "rejects.csv"])
def test_a_table_of_the_users_is_not_overwritten(packs, tmp_path, name):
    (tmp_path / name).write_text("mine\n1\n")
    with pytest.raises(TableError, match=name):
        import_pack(packs, tmp_path)
    assert tree(tmp_path).keys() == {name}


def test_a_link_in_the_pack_leads_nowhere(tmp_path, midi):
    source, out, outside = (tmp_path / name for name in ("source", "pack", "outside"))
    (source / "kit").mkdir(parents=True)
    (source / "kit" / "kick.mid").write_bytes(midi)
    out.mkdir()
    outside.mkdir()
    (out / "kit").symlink_to(outside)
    with pytest.raises(InputError, match="in_the_way"):
        import_pack(source, out)
    assert not list(outside.iterdir())


def test_source_and_pack_lie_beside_each_other(packs, tmp_path):
    for out in (packs / "pack", packs, packs.parent):
        with pytest.raises(ParameterError, match="out must be"):
            import_pack(packs, out)


@pytest.mark.slow
def test_killed_at_any_point_the_same_command_ends_the_same(tmp_path, midi):
    source, out, whole = (tmp_path / name for name in ("source", "pack", "whole"))
    for at in range(2000):
        path = source / f"kit {at % 40}" / f"{at}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(midi + b"%d" % at)
    import_pack(source, whole)
    command = [sys.executable, "-m", "trapgen.cli", "import", str(source), "--out", str(out)]
    n_killed = 0
    for goal in (1, 350, 950, 1600, 2000):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while process.poll() is None and sum(1 for _ in out.rglob("*.mid")) < goal:
            time.sleep(0.001)
        process.kill()
        n_killed += process.wait() < 0
    assert n_killed >= 3
    # As if it had been killed within a copy and within a download.
    (out / ".part-abcd-1234.mid").write_bytes(midi[:10])
    (out / "kit 7" / ".part-bcd-1f.mid").write_bytes(b"")
    (out / ".trapgen-abcd1234").mkdir()
    (out / ".trapgen-abcd1234" / "groove.zip").write_bytes(b"PK")
    assert trapgen("import", source, "--out", out).returncode == 0
    assert tree(out) == tree(whole)


@pytest.fixture(scope="module")
def groove(shared) -> Path:
    return shared / "data" / "groove"


@pytest.fixture(scope="module")
def groove_pack(groove, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("groove") / "pack"
    import_pack(groove, out)
    return out


def test_groove_is_imported_whole_with_its_published_labels(groove, groove_pack):
    with (groove / "info.csv").open(encoding="utf-8", newline="") as file:
        info = {row["midi_filename"]: row for row in csv.DictReader(file)}
    table = read_table(groove_pack / "pack.csv", PACK)
    assert len(table) == 1150
    assert list(table["path"]) == sorted(info)
    for row in table.itertuples():
        said = info[row.path]
        assert row.style == said["style"]
        assert row.bpm == said["bpm"]
        assert row.meter == said["time_signature"]
        assert row.performer == said["drummer"]
        assert row.split == said["split"]
        assert row.kind == said["beat_type"]
    counts = table["split"].value_counts().to_dict()
    assert counts == {"train": 897, "validation": 124, "test": 129}
    assert midi_below(groove_pack) == midi_below(groove)
    assert not rules(groove_pack)


def test_groove_carries_its_attribution(groove_pack):
    text = (groove_pack / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert text == ATTRIBUTION
    for said in (
        "Creative Commons Attribution 4.0 International license (CC BY 4.0)",
        "Jon Gillick",
        "Learning to Groove with Inverse Sequence Transformations",
        "(ICML), 2019",
        "Changes: none.",
    ):
        assert said in " ".join(text.split())


@pytest.fixture(scope="module")
def groove_zip(groove, tmp_path_factory) -> Path:
    """As it is published: everything in one folder, `groove`."""
    return zip_folder(tmp_path_factory.mktemp("zip") / "groove.zip", groove, "groove/")


def test_grooves_zip_gives_the_pack_of_its_folder(groove_zip, groove_pack, tmp_path):
    import_pack(groove_zip, tmp_path / "pack")
    assert tree(tmp_path / "pack") == tree(groove_pack)


def test_a_download_is_held_against_its_digest(groove_zip, groove_pack, tmp_path):
    out, data = tmp_path / "pack", groove_zip.read_bytes()
    true = {"sha256": hashlib.sha256(data).hexdigest(), "n_bytes": len(data)}
    with download_groove(out, url=groove_zip.as_uri(), **true) as path:
        import_pack(path, out)
    assert tree(out) == tree(groove_pack)

    for wrong in (
        {"sha256": "0" * 64, "n_bytes": len(data)},
        {"sha256": true["sha256"], "n_bytes": len(data) - 1},
        {},
    ):
        with (
            pytest.raises(InputError, match="sha256"),
            download_groove(tmp_path / "refused", url=groove_zip.as_uri(), **wrong),
        ):
            pytest.fail("what was not published must not be handed on")
    with (
        pytest.raises(InputError, match="download"),
        download_groove(tmp_path / "refused", url=(tmp_path / "nowhere").as_uri()),
    ):
        pytest.fail("there is nothing to hand on")
    assert not list((tmp_path / "refused").iterdir())


def small_groove(folder: Path, rows: list[str], files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "info.csv").write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    return folder


def info_row(name: str) -> str:
    return f"drummer1,s,1,funk/groove1,138,beat,4-4,{name},x.wav,1.0,test"


def test_what_grooves_table_and_files_do_not_share_is_said(tmp_path, midi):
    source = small_groove(
        tmp_path / "source",
        [info_row("a.mid"), info_row("gone.mid")],
        {"a.mid": midi, "b.mid": midi},
    )
    done = import_pack(source, tmp_path / "pack")
    assert dict(zip(done.pack["path"], done.pack["style"], strict=True)) == {
        "a.mid": "funk/groove1",
        "b.mid": "",
    }
    assert rules(tmp_path / "pack") == {"gone.mid": "missing"}


@pytest.mark.parametrize(
    ("rows", "rule"), [([info_row("a.mid")] * 2, "duplicate_name"), (["drummer1,s"], "columns")]
)
def test_a_broken_table_of_groove_stops_the_import(tmp_path, midi, rows, rule):
    source = small_groove(tmp_path / "source", rows, {"a.mid": midi})
    with pytest.raises(TableError, match=rule):
        import_pack(source, tmp_path / "pack")


def test_another_info_csv_is_no_groove(tmp_path, midi):
    source = small_groove(tmp_path / "source", [], {"a.mid": midi})
    (source / "info.csv").write_text("name,style\na.mid,funk\n")
    done = import_pack(source, tmp_path / "pack")
    assert list(done.pack["style"]) == [""]
    assert not (tmp_path / "pack" / "ATTRIBUTION.md").exists()


def test_the_command_prints_one_object_and_its_refusals(tmp_path, midi):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.mid", "../up.mid", "notes.txt"):
            archive.writestr(name, midi)
    done = trapgen("import", path, "--out", tmp_path / "pack", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "files": 1,
        "written": 1,
        "bytes": len(midi),
        "rejects": 1,
        "left_out": {".txt": 1},
    }
    assert "refused: ../up.mid: path_traversal" in done.stderr


def test_the_command_names_the_way_out(tmp_path):
    missing = trapgen("import", "groove", "--out", tmp_path / "pack")
    assert (missing.returncode, "--download" in missing.stderr) == (3, True)
    wrong = trapgen("import", tmp_path, "--out", tmp_path / "pack", "--download")
    assert (wrong.returncode, "--download must be" in wrong.stderr) == (2, True)
