// Plays loops round and round, one button at a time.

const AHEAD_S = 1.2; // Browsers call a hidden page's timers once a second.
const TICK_MS = 100;

// `kit` is what trapgen.report.one_shots embeds.
const player = { context: null, kit: null, buffers: [], playing: null, started: 0 };

function openAudio() {
  if (!player.context) {
    player.context = new AudioContext();
    player.buffers = player.kit.sounds.map((sound) => sound && decodeSound(...sound));
    player.context.onstatechange = tellAudio;
  }
  player.context.resume();
}

// Samples under the mu-law.
function decodeSound(rate, text) {
  const codes = new Int8Array(decodeBytes(text).buffer);
  const buffer = player.context.createBuffer(1, codes.length, rate);
  const expand = (code) => (Math.sign(code) * (256 ** Math.abs(code / 127) - 1)) / 255;
  buffer.copyToChannel(Float32Array.from(codes, expand), 0);
  return buffer;
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

// `parts` are {hits, of, stepSeconds, pan}, `of` which of the two loops, all as long as the first;
// `onStep` is called with the step of the first that sounds, and with null at the end.
function startPlaying(button, parts, { beat, steps }, onStep) {
  stopPlaying();
  openAudio();
  const { context } = player;
  const out = context.createGain();
  out.connect(context.destination);
  const [{ stepSeconds }] = parts;
  const playing = {
    button,
    out,
    onStep,
    stepSeconds,
    beat,
    length: steps * stepSeconds,
    start: context.currentTime + 0.08,
    tracks: parts.map((part) => makeTrack(part, out)),
  };
  player.playing = playing;
  button.setAttribute("aria-pressed", "true");
  playing.timer = setInterval(() => schedule(playing), TICK_MS);
  schedule(playing);
  requestAnimationFrame(() => follow(playing));
}

function makeTrack({ hits, of, stepSeconds, pan }, out) {
  const panner = player.context.createStereoPanner();
  panner.pan.value = pan;
  panner.connect(out);
  const struck = hits
    .filter(({ velocities }) => velocities[of])
    .map(({ step, voice, velocities, offsets }) => ({
      time: (step + offsets[of] / 256) * stepSeconds,
      voice,
      velocity: velocities[of],
    }))
    .sort((one, other) => one.time - other.time);
  return { hits: struck, panner, next: 0, pass: 0, sounding: {} };
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
  Object.entries(player.kit.cuts).forEach(([cut, by]) => {
    if (by.includes(voice)) track.sounding[cut]?.gain.setTargetAtTime(0, time, 0.004);
  });
  const gain = context.createGain();
  gain.gain.value = player.kit.gains[velocity];
  gain.connect(track.panner);
  const source = context.createBufferSource();
  source.buffer = player.buffers[voice];
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

