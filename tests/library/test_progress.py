"""How far long work has come: words, lines and a bar."""

import io
import sys

import pytest

from trapgen.core import every_so_often, show_progress
from trapgen.core.progress import describe_pace


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("done", "total", "seconds", "words"),
    [
        (1_200, 4_800, 3.0, "1,200 of 4,800 files, 400 files/s, 0:00:09 left"),
        (100, 1_000_000, 1.0, "100 of 1,000,000 files, 100 files/s, 2:46:39 left"),
        (5, 5, 2.0, "5 of 5 files, 2 files/s, 0:00:00 left"),
        (0, 5, 2.0, "0 of 5 files, 0 files/s, no speed yet"),
        (0, 0, 0.0, "0 of 0 files, 0 files/s, no speed yet"),
    ],
)
def test_the_pace_is_files_a_second_and_time_left(done, total, seconds, words) -> None:
    assert describe_pace(done, total, seconds) == words


def test_lines_are_written_at_intervals(monkeypatch) -> None:
    now, told = 0.0, []
    monkeypatch.setattr("time.monotonic", lambda: now)
    on_files = every_so_often(told.append, 10.0)
    for done in range(1, 36):
        now = float(done)
        on_files(done, 35)
    assert told == [
        "10 of 35 files, 1 files/s, 0:00:25 left",
        "20 of 35 files, 1 files/s, 0:00:15 left",
        "30 of 35 files, 1 files/s, 0:00:05 left",
    ]


def test_short_work_is_silent_where_there_is_no_terminal(capsys) -> None:
    with show_progress("standardizing") as on_files:
        on_files(3, 3)
    assert capsys.readouterr() == ("", "")


def test_long_work_writes_lines_to_standard_error(capsys, monkeypatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with show_progress("standardizing") as on_files:
        now = 10.0
        on_files(1_000, 3_000)
    line = "standardizing: 1,000 of 3,000 files, 100 files/s, 0:00:20 left\n"
    assert capsys.readouterr() == ("", line)


def test_a_terminal_gets_a_bar(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with show_progress("importing") as on_files:
        on_files(7, 9)
        on_files(9, 9)
    drawn = sys.stderr.getvalue()
    assert "importing" in drawn
    assert "9 of 9" in drawn
    assert "files/s" in drawn
    assert capsys.readouterr().out == ""
