import hashlib
import subprocess
import sys
import time
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapgen.core import DrumLoop, ParameterError, kit
from trapgen.render import synth as audio

RATE = 44100
VOICE_NAMES = [voice.name for voice in kit.VOICES]


def make_loop(*hits, n_bars=1, steps_per_bar=16, bpm=120.0):
    """Hits are (step, voice), (step, voice, velocity) or (step, voice, velocity, offset)."""
    velocities = np.zeros((n_bars * steps_per_bar, kit.N_VOICES), np.uint8)
    offsets = np.zeros(velocities.shape, np.float32)
    for step, voice, *rest in hits:
        velocities[step, voice] = rest[0] if rest else 100
        offsets[step, voice] = rest[1] if len(rest) > 1 else 0
    return DrumLoop(velocities, steps_per_bar, bpm, offsets)


def solo(voice, velocity=127, sample_rate=RATE):
    """One hit of one voice at time 0, summed to mono, with time to ring."""
    loop = make_loop((0, voice, velocity))
    return audio.render(loop, sample_rate=sample_rate, tail_s=3.0).sum(axis=1, dtype=np.float64)


def centroid(signal, sample_rate=RATE):
    """Mean frequency in Hz, weighted by energy."""
    energy = np.abs(np.fft.rfft(signal)) ** 2
    return (energy * np.fft.rfftfreq(len(signal), 1 / sample_rate)).sum() / energy.sum()


def ring_s(signal):
    """Seconds in which nine tenths of the energy pass."""
    energy = np.cumsum(signal**2)
    return np.searchsorted(energy, 0.9 * energy[-1]) / RATE


def onset_times(signal, rest_s=0.03):
    """Seconds at which a millisecond has six times the energy of any of the ten before it."""
    frame = RATE // 1000
    energy = (signal[: len(signal) // frame * frame].reshape(-1, frame) ** 2).sum(axis=1)
    found = []
    for at, value in enumerate(energy):
        before, time_s = energy[max(0, at - 10) : at].max(initial=0), at * frame / RATE
        rested = not found or time_s - found[-1] > rest_s
        if rested and value > max(6 * before, 1e-3 * energy.max()):
            found.append(time_s)
    return found


@given(
    n_bars=st.integers(1, 4),
    bpm=st.floats(60, 240),
    repeats=st.integers(1, 3),
    tail_s=st.floats(0, 2),
    steps_per_bar=st.sampled_from((16, 24, 32, 48, 96)),
)
def test_length_is_the_bars_and_the_tail(n_bars, bpm, repeats, tail_s, steps_per_bar):
    loop = make_loop(n_bars=n_bars, bpm=bpm, steps_per_bar=steps_per_bar)
    sound = audio.render(loop, sample_rate=8000, repeats=repeats, tail_s=tail_s)
    assert sound.shape[1:] == (2,)
    assert sound.dtype == np.float32
    assert len(sound) / 8000 == pytest.approx(n_bars * repeats * 240 / bpm + tail_s, abs=2 / 8000)


def test_an_empty_loop_is_silence():
    sound = audio.render(make_loop())
    assert len(sound) == 3 * RATE
    assert not sound.any()


@pytest.mark.parametrize("voice", range(kit.N_VOICES), ids=VOICE_NAMES)
@pytest.mark.parametrize(("step", "offset"), [(5, 0.0), (6, 0.4), (7, -0.5)])
def test_a_hit_sounds_at_its_step_and_offset(voice, step, offset):
    sound = audio.render(make_loop((step, voice, 100, offset), bpm=140.0))
    level = np.abs(sound).max(axis=1)
    first = np.flatnonzero(level > 0.02 * level.max())[0]
    expected_s = (step + offset) / 16 * 4 * 60 / 140
    assert first / RATE == pytest.approx(expected_s, abs=0.005)
    assert not sound[: int((expected_s - 0.001) * RATE)].any()


def test_onsets_of_a_roll_are_found_by_energy_in_every_repeat():
    steps = (0, 3, 8, 20, 22, 24, 26, 40, 60)
    loop = make_loop(
        *((step, kit.CLOSED_HAT, 100, 0.25 * (-1) ** step) for step in steps),
        n_bars=2,
        steps_per_bar=32,
        bpm=100.0,
    )
    sound = audio.render(loop, repeats=2).sum(axis=1, dtype=np.float64)
    in_steps = [p * 64 + step + 0.25 * (-1) ** step for p in range(2) for step in steps]
    assert onset_times(sound) == pytest.approx([s / 32 * 4 * 60 / 100 for s in in_steps], abs=0.005)


def test_a_hit_before_the_first_bar_line_starts_at_the_first_sample():
    early = audio.render(make_loop((0, kit.SNARE, 100, -0.5)))
    np.testing.assert_array_equal(early, audio.render(make_loop((0, kit.SNARE, 100))))


def test_an_early_first_hit_comes_before_the_bar_line_of_the_second_pass():
    sound = audio.render(make_loop((0, kit.CLOSED_HAT, 100, -0.5)), repeats=2)
    assert onset_times(sound.sum(axis=1, dtype=np.float64)) == pytest.approx(
        [0, 2 - 0.5 / 16 * 2], abs=0.005
    )


def test_a_closed_hat_chokes_an_open_hat():
    alone = audio.render(make_loop((0, kit.OPEN_HAT)))
    choked = audio.render(make_loop((0, kit.OPEN_HAT), (1, kit.CLOSED_HAT, 1)))
    cut = 2 * RATE // 16
    np.testing.assert_array_equal(choked[:cut], alone[:cut])
    after = slice(cut + RATE // 100, None)
    assert np.square(choked[after]).sum() < 1e-3 * np.square(alone[after]).sum()
    assert ring_s(choked.sum(axis=1)) < 0.125 < ring_s(alone.sum(axis=1))


def test_a_closed_hat_leaves_other_voices_and_a_simultaneous_open_hat_alone():
    hat = audio.render(make_loop((2, kit.CLOSED_HAT)))
    for hit in ((0, kit.RIDE), (2, kit.OPEN_HAT)):
        both = audio.render(make_loop(hit, (2, kit.CLOSED_HAT)))
        np.testing.assert_allclose(both, hat + audio.render(make_loop(hit)), atol=1e-6)


def test_a_kick_cuts_the_kick_before_it():
    second = audio.render(make_loop((4, kit.KICK)))
    both = audio.render(make_loop((0, kit.KICK), (4, kit.KICK)))
    cut = RATE // 2
    np.testing.assert_array_equal(both[:cut], audio.render(make_loop((0, kit.KICK)))[:cut])
    np.testing.assert_array_equal(both[cut + RATE // 200 :], second[cut + RATE // 200 :])


def test_a_choked_hit_fades_without_a_click():
    alone = audio.render(make_loop((0, kit.KICK, 127)))[:, 0]
    # The sixteenth on which the wave stands highest, where a hard cut would be loudest.
    step = max(range(2, 16), key=lambda sixteenth: abs(alone[sixteenth * RATE // 8]))
    assert abs(alone[step * RATE // 8]) > 0.2
    cut = audio.render(make_loop((0, kit.KICK, 127), (step, kit.KICK, 1)))[:, 0]
    assert np.abs(np.diff(cut[RATE // 8 :])).max() < 0.02


@pytest.mark.parametrize("voice", range(kit.N_VOICES), ids=VOICE_NAMES)
def test_a_harder_hit_is_louder_and_brighter(voice):
    hits = [solo(voice, velocity) for velocity in (1, 20, 64, 100, 127)]
    energies = [np.square(hit).sum() for hit in hits]
    assert all(soft < hard for soft, hard in pairwise(energies))
    centroids = [centroid(hit) for hit in hits]
    assert all(soft < hard for soft, hard in pairwise(centroids))


@given(velocity=st.integers(1, 126))
def test_velocity_gain_rises_over_40_db(velocity):
    soft, hard = audio.velocity_gain([velocity, velocity + 1])
    assert 0.01 * (1 - 1e-12) <= soft < hard <= 1
    assert 20 * np.log10(audio.velocity_gain(127) / audio.velocity_gain(1)) == pytest.approx(40)


@pytest.mark.parametrize(
    ("name", "low_hz", "high_hz", "shortest_s", "longest_s"),
    [
        ("kick", 45, 90, 0.4, 0.9),
        ("snare", 1000, 4000, 0.04, 0.2),
        ("closed_hat", 6500, 12000, 0.01, 0.05),
        ("open_hat", 6500, 12000, 0.12, 0.4),
        ("low_tom", 80, 130, 0.2, 0.6),
        ("mid_tom", 120, 200, 0.15, 0.4),
        ("high_tom", 160, 280, 0.1, 0.3),
        ("ride", 5000, 10000, 0.3, 1.0),
        ("crash", 6000, 12000, 0.5, 1.5),
    ],
)
def test_every_voice_has_its_register_and_length(name, low_hz, high_hz, shortest_s, longest_s):
    signal = solo(VOICE_NAMES.index(name))
    assert low_hz < centroid(signal) < high_hz
    assert shortest_s < ring_s(signal) < longest_s


@pytest.mark.parametrize("sample_rate", [8000, 22050, 48000, 96000])
def test_voices_keep_their_pitch_at_other_sample_rates(sample_rate):
    for voice in (kit.KICK, kit.LOW_TOM, kit.HIGH_TOM):
        signal = solo(voice, sample_rate=sample_rate)
        assert centroid(signal, sample_rate) == pytest.approx(centroid(solo(voice)), rel=0.1)
    for voice in range(kit.N_VOICES):
        signal = solo(voice, sample_rate=sample_rate)
        assert np.isfinite(signal).all()
        assert np.abs(signal).max() > 0.1


def test_the_kick_ends_on_its_note():
    spectrum = np.abs(np.fft.rfft(solo(kit.KICK)[RATE // 4 : RATE]))
    assert np.argmax(spectrum) / 0.75 == pytest.approx(49, abs=1)  # G1


def test_hats_sound_the_six_oscillators():
    spectrum = np.abs(np.fft.rfft(solo(kit.OPEN_HAT)[:RATE]))
    # Odd harmonics of the square waves that lie in the pass band, against their surroundings.
    harmonics = [hz * n for hz in audio.METAL_HZ for n in range(1, 60, 2) if 6500 < hz * n < 9000]
    peaks = [spectrum[round(hz) - 3 : round(hz) + 4].max() for hz in harmonics]
    assert np.median(peaks) > 4 * np.median(spectrum[6500:9000])


def test_placement_is_kick_in_the_middle_and_toms_across():
    energy = {
        voice: np.square(audio.render(make_loop((0, voice)))).sum(axis=0)
        for voice in (kit.KICK, kit.LOW_TOM, kit.HIGH_TOM, kit.CLOSED_HAT)
    }
    assert energy[kit.KICK][0] == pytest.approx(energy[kit.KICK][1], rel=1e-4)
    assert energy[kit.HIGH_TOM][0] > 1.5 * energy[kit.HIGH_TOM][1]
    assert energy[kit.LOW_TOM][1] > 1.5 * energy[kit.LOW_TOM][0]
    assert 1 < energy[kit.CLOSED_HAT][1] / energy[kit.CLOSED_HAT][0] < 2


def test_a_mix_that_would_clip_is_turned_down_to_the_ceiling():
    full = DrumLoop(np.full((32, kit.N_VOICES), 127), 32, 140.0)
    sound = audio.render(full)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() == pytest.approx(10 ** (-1 / 20), rel=1e-6)


def test_a_mix_that_would_not_clip_keeps_its_level():
    kick, snare = make_loop((0, kit.KICK)), make_loop((8, kit.SNARE))
    both = audio.render(make_loop((0, kit.KICK), (8, kit.SNARE)))
    assert 0.1 < np.abs(both).max() < audio.CEILING
    np.testing.assert_allclose(both, audio.render(kick) + audio.render(snare), atol=1e-6)


def test_what_rings_at_the_end_fades_out():
    sound = audio.render(make_loop((15, kit.KICK, 127), (15, kit.CRASH, 127)), tail_s=0.5)
    assert np.abs(sound[-50:]).max() < 1e-4


def busy_loop():
    grid = np.random.default_rng(0).integers(0, 128, (128, kit.N_VOICES))
    return DrumLoop(grid * (grid > 80), 32, 140.0)


def test_the_same_loop_gives_the_same_bytes_in_another_process():
    script = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_audio import audio, busy_loop\n"
        "print(hashlib.sha256(audio.render(busy_loop()).tobytes()).hexdigest())"
    )
    here = str(Path(__file__).parent)
    ran = subprocess.run([sys.executable, "-c", script, here], capture_output=True, check=True)
    first, second = (audio.render(busy_loop()).tobytes() for _ in range(2))
    assert first == second
    assert ran.stdout.decode().strip() == hashlib.sha256(first).hexdigest()


def test_four_busy_bars_render_in_well_under_a_second():
    loop = busy_loop()
    took = []
    for _ in range(5):
        start = time.perf_counter()
        audio.render(loop)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.3


@pytest.mark.parametrize(
    ("options", "name"),
    [
        *(
            ({"sample_rate": rate}, "sample_rate")
            for rate in (0, -44100, 7999, 192001, 44100.5, float("nan"), True)
        ),
        *(({"repeats": repeats}, "repeats") for repeats in (0, -1)),
        *(({"tail_s": tail}, "tail_s") for tail in (-0.1, float("inf"), float("nan"))),
    ],
)
def test_parameters_outside_their_range_are_refused(options, name):
    with pytest.raises(ParameterError, match=rf"^{name} must be .*received") as caught:
        audio.render(make_loop(), **options)
    assert caught.value.received is options[name]


def test_write_wav_writes_16_bit_stereo(tmp_path):
    sound = audio.render(make_loop((0, kit.SNARE), (4, kit.CRASH)))
    path = tmp_path / "new" / "loop.wav"
    audio.write_wav(path, sound, RATE)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        read = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    np.testing.assert_allclose(read / 32767, sound, atol=0.5 / 32767 + 1e-9)
    assert list(path.parent.iterdir()) == [path]


def test_write_wav_writes_mono_and_full_scale(tmp_path):
    path = tmp_path / "mono.wav"
    audio.write_wav(path, [0, 1, -1], 8000)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 8000)
        assert np.frombuffer(file.readframes(3), "<i2").tolist() == [0, 32767, -32767]


@pytest.mark.parametrize(
    ("sound", "rate", "name"),
    [
        ([0.0, 1.01], 8000, "audio"),
        ([0.0, float("nan")], 8000, "audio"),
        (np.zeros((2, 2, 2)), 8000, "audio"),
        (np.zeros((2, 0)), 8000, "audio"),
        (0.0, 8000, "audio"),
        ([0.0], 7999, "sample_rate"),
    ],
)
def test_write_wav_refuses_and_leaves_the_old_file(tmp_path, sound, rate, name):
    path = tmp_path / "loop.wav"
    path.write_bytes(b"old")
    with pytest.raises(ParameterError, match=rf"^{name} must be"):
        audio.write_wav(path, sound, rate)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
