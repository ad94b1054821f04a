"""The fuzzers: what they found stays fixed, some new cases of each kind, and that they notice."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import pytest

from fuzz import runner
from fuzz.__main__ import FUZZERS
from fuzz.runner import FINDS, Fuzzer, check_case, make_case, read_case, shrink, shrink_case
from trapgen.core import InputError

BY_NAME = {fuzzer.name: fuzzer for fuzzer in FUZZERS}
EXPECTED = {
    "midi": (100, {"read", "truncated", "time_division"}),
    "zips": (15, {"read", "not_a_zip"}),
    "params": (40, {"read", "ParameterError"}),
    "models": (40, {"read", "keys", "not_json", "unreadable"}),
    "receipts": (20, {"values", "keys", "not_json", "forged"}),
    "manifests": (4, {"columns"}),
}
"""By fuzzer: how many cases a test reads, and what has to come of some of them."""


@pytest.mark.parametrize("place", sorted(FINDS.iterdir()), ids=lambda place: place.name)
def test_what_a_fuzzer_found_is_read_or_refused_now(place, tmp_path):
    fuzzer = BY_NAME[place.name.partition("-")[0]]
    assert check_case(fuzzer, read_case(place), tmp_path).wrong == ""


@pytest.mark.parametrize("name", EXPECTED)
def test_broken_input_is_read_or_refused(name, tmp_path):
    fuzzer, (n_cases, words) = BY_NAME[name], EXPECTED[name]
    seeds = fuzzer.load()
    found = [
        check_case(fuzzer, make_case(fuzzer, seeds, 0, number), tmp_path)
        for number in range(n_cases)
    ]
    assert [each.wrong for each in found] == [""] * n_cases
    assert {each.word for each in found} >= words


def raise_error(error):
    raise error


READERS = {
    "ValueError: no": lambda *_: raise_error(ValueError("no")),
    "message": lambda *_: raise_error(RudeError("x")),
    "MiB": lambda *_: str(len(bytearray(os.urandom(1 << 20)) * 80)),
    " s": lambda *_: str(sum(range(10_000_000))),
}


class RudeError(InputError):
    def __init__(self, text):
        super().__init__(text, "rude", text, text)

    def __str__(self):
        return "two\nlines"


@pytest.mark.parametrize("wrong", READERS)
def test_the_runner_notices_what_is_wrong(wrong, tmp_path):
    fuzzer = Fuzzer("x", list, lambda *_: None, READERS[wrong], 0.05, 64 << 20)
    if wrong == "MiB":
        fuzzer = replace(fuzzer, max_s=60)
    assert wrong in check_case(fuzzer, {"a": b"b"}, tmp_path).wrong


def load_letters():
    return [{"a": b"abcdefgh"}]


def keep_whole(case, rng, seeds):
    """The seeds themselves are what is read."""


def test_a_crash_and_a_wait_are_finds_and_the_run_goes_on(tmp_path, monkeypatch, capsys):
    calls = tmp_path / "calls"

    def read(source, out):
        with calls.open("a") as file:
            file.write("x")
        n_calls = len(calls.read_text())
        if n_calls == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if n_calls == 3:
            time.sleep(60)
        return "read"

    monkeypatch.setattr(runner, "WAIT_S", 1)
    monkeypatch.setattr(runner, "FINDS", tmp_path / "finds")
    fuzzer = Fuzzer("letters", load_letters, keep_whole, read)
    assert runner.run(fuzzer, 0, 4, 60) == 2
    assert capsys.readouterr().out.startswith("letters: 4 cases")
    assert [read_case(each) for each in (tmp_path / "finds").iterdir()] == load_letters()


def test_a_find_is_made_small(tmp_path):
    assert shrink(b"abcdefgh", lambda smaller: b"de" in smaller) == b"de"

    def read(source, out):
        assert b"de" not in (source / "a").read_bytes()
        return "read"

    fuzzer = Fuzzer("letters", load_letters, keep_whole, read)
    beats = []
    small = shrink_case(
        fuzzer, load_letters()[0], "AssertionError", tmp_path, lambda: beats.append(1)
    )
    assert small == {"a": b"de"}
    assert beats
