// The nine voices as samples, made here from sines, square waves and noise: nothing is loaded.
// Pitches and decays are those of trapgen.render.synth, which says where they come from.

const METAL_HZ = [205.3, 304.4, 369.6, 522.7, 540.0, 800.0];
const LENGTHS_S = [1.2, 0.5, 0.12, 0.7, 1.0, 0.8, 0.6, 1.4, 2.2];
const PEAKS = [0.8, 0.6, 0.25, 0.25, 0.5, 0.5, 0.5, 0.22, 0.35];

// A sine that falls from one pitch onto another.
function tone(t, hz, startHz, fall) {
  return Math.sin(2 * Math.PI * (hz * t + (startHz - hz) * fall * (1 - Math.exp(-t / fall))));
}

function metal(t) {
  return METAL_HZ.reduce((sum, hz) => sum + ((hz * t) % 1 < 0.5 ? 1 : -1), 0) / METAL_HZ.length;
}

// White noise, the same on every page (a linear congruential generator of Numerical Recipes).
function makeNoise() {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

// First-order high-pass, as many times in a row.
function makeHighPass(hz, rate, times) {
  const keep = Math.exp((-2 * Math.PI * hz) / rate);
  const stages = Array.from({ length: times }, () => ({ before: 0, after: 0 }));
  return (sample) =>
    stages.reduce((x, stage) => {
      stage.after = keep * (stage.after + x - stage.before);
      stage.before = x;
      return stage.after;
    }, sample);
}

function voiceMakers(rate) {
  const noise = makeNoise();
  const tom = (hz) => (t) =>
    tone(t, hz, 1.6 * hz, 0.05) * Math.exp((-t * hz) / 25) + 0.1 * noise() * Math.exp(-t / 0.03);
  const hat = (fall) => {
    const high = makeHighPass(7000, rate, 3);
    return (t) => high(metal(t) + 0.5 * noise()) * Math.exp(-t / fall);
  };
  const cymbal = (attack, fall) => {
    const high = makeHighPass(4000, rate, 2);
    return (t) =>
      high(metal(t) * Math.exp(-t / fall) + attack * noise() * Math.exp(-t / (0.4 * fall)));
  };
  const wires = makeHighPass(1500, rate, 2);
  return [
    (t) => Math.tanh(1.8 * tone(t, 49, 200, 0.018) * Math.exp(-t / 0.45)),
    (t) =>
      tone(t, 180, 260, 0.012) * Math.exp(-t / 0.07) + wires(noise()) * Math.exp(-t / 0.09),
    hat(0.022),
    hat(0.16),
    tom(82.4),
    tom(123.5),
    tom(164.8),
    cymbal(0.3, 0.4),
    cymbal(1.2, 0.7),
  ];
}

// A buffer a voice; its last tenth fades out.
function makeSounds(context) {
  const rate = context.sampleRate;
  return voiceMakers(rate).map((make, voice) => {
    const size = Math.round(LENGTHS_S[voice] * rate);
    const buffer = context.createBuffer(1, size, rate);
    const samples = buffer.getChannelData(0);
    let peak = 0;
    for (let at = 0; at < size; at += 1) {
      samples[at] = make(at / rate) * Math.min(1, (10 * (size - at)) / size);
      peak = Math.max(peak, Math.abs(samples[at]));
    }
    for (let at = 0; at < size; at += 1) samples[at] *= PEAKS[voice] / peak;
    return buffer;
  });
}

