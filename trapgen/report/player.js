// Plays loops round and round, one button at a time.

const AHEAD_S = 1.2; // Browsers call a hidden page's timers once a second.
const TICK_MS = 100;
const CUT_BY = { 0: [0], 3: [2, 3] }; // A kick cuts a kick, a hat an open hat, as in trapgen.render.synth.

const player = { context: null, sounds: null, playing: null, started: 0 };

// Amplitude of a MIDI velocity, as trapgen.render.synth.velocity_gain: a square law over 40 dB.
const gainOf = (velocity) => (0.1 + (0.9 * (velocity - 1)) / 126) ** 2;

function openAudio() {
  if (!player.context) {
    player.context = new AudioContext();
    player.sounds = makeSounds(player.context);
    player.context.onstatechange = tellAudio;
  }
  player.context.resume();
}

// What a test, or a curious reader, can see of the sound.
function tellAudio() {
  const section = document.getElementById("pairs");
  section.dataset.audio = player.context.state;
  section.dataset.hits = player.started;
}

function stopPlaying() {
  const { playing, context } = player;
  if (!playing) return;
  player.playing = null;
  clearInterval(playing.timer);
  playing.out.gain.setTargetAtTime(0, context.currentTime, 0.01);
  setTimeout(() => playing.out.disconnect(), 200);
  playing.button.setAttribute("aria-pressed", "false");
  playing.onStep(null);
}

// `parts` are {loop, stepSeconds, pan}, all of one length in seconds; `onStep` hears which step of
// the first sounds, and null at the end.
function startPlaying(button, parts, onStep) {
  stopPlaying();
  openAudio();
  const { context } = player;
  const out = context.createGain();
  out.connect(context.destination);
  const [{ loop, stepSeconds }] = parts;
  const playing = {
    button,
    out,
    onStep,
    stepSeconds,
    beat: loop.grid / BEATS_A_BAR,
    length: loop.grid * loop.bars * stepSeconds,
    start: context.currentTime + 0.08,
    tracks: parts.map((part) => makeTrack(part, out)),
  };
  player.playing = playing;
  button.setAttribute("aria-pressed", "true");
  playing.timer = setInterval(() => schedule(playing), TICK_MS);
  schedule(playing);
  requestAnimationFrame(() => follow(playing));
}

function makeTrack({ loop, stepSeconds, pan }, out) {
  const panner = player.context.createStereoPanner();
  panner.pan.value = pan;
  panner.connect(out);
  const hits = [];
  loop.velocities.forEach((velocity, place) => {
    if (!velocity) return;
    const step = Math.floor(place / N_VOICES) + loop.offsets[place] / 256;
    hits.push({ time: step * stepSeconds, voice: place % N_VOICES, velocity });
  });
  hits.sort((one, other) => one.time - other.time);
  return { hits, panner, next: 0, pass: 0, sounding: {} };
}

function schedule(playing) {
  const until = player.context.currentTime + AHEAD_S;
  playing.tracks.forEach((track) => {
    while (track.hits.length) {
      const hit = track.hits[track.next];
      const time = playing.start + track.pass * playing.length + hit.time;
      if (time > until) break;
      strike(track, hit, Math.max(time, player.context.currentTime));
      track.next += 1;
      if (track.next === track.hits.length) {
        track.next = 0;
        track.pass += 1;
      }
    }
  });
  tellAudio();
}

function strike(track, { voice, velocity }, time) {
  const { context } = player;
  Object.entries(CUT_BY).forEach(([cut, by]) => {
    if (by.includes(voice)) track.sounding[cut]?.gain.setTargetAtTime(0, time, 0.004);
  });
  const gain = context.createGain();
  gain.gain.value = gainOf(velocity);
  gain.connect(track.panner);
  const source = context.createBufferSource();
  source.buffer = player.sounds[voice];
  source.connect(gain);
  source.onended = () => gain.disconnect();
  source.start(time);
  track.sounding[voice] = gain;
  player.started += 1;
}

// Moves the playhead; by the beat where motion is not wanted.
function follow(playing) {
  if (player.playing !== playing) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const passed = Math.max(0, player.context.currentTime - playing.start) % playing.length;
  const step = Math.floor(passed / playing.stepSeconds);
  playing.onStep(still ? step - (step % playing.beat) : step);
  requestAnimationFrame(() => follow(playing));
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") stopPlaying();
});

