// Loops as the page's data holds them, and how one is laid over another.
//
// A loop here is {grid, bars, velocities, offsets}: steps a bar, bars, and for each of nine voices
// at each step (step * 9 + voice) a velocity, 0 for none, and the microtiming in 256ths of a step.

const N_VOICES = 9;
const BEATS_A_BAR = 4;
const MAX_NAMED = 4;

function makeLoop(grid, bars) {
  const size = grid * bars * N_VOICES;
  return { grid, bars, velocities: new Uint8Array(size), offsets: new Int8Array(size) };
}

// Six bytes a hit, as trapgen.report.embed writes them.
function decodeLoop({ grid, bars, hits }) {
  const loop = makeLoop(grid, bars);
  const bytes = Uint8Array.from(atob(hits), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 6) {
    const place = view.getUint32(at, true);
    loop.velocities[place] = view.getUint8(at + 4);
    loop.offsets[place] = view.getInt8(at + 5);
  }
  return loop;
}

// A loop of `bars` whose step is that at `from(step)` of another, or empty by null.
function remake(loop, bars, from) {
  const made = makeLoop(loop.grid, bars);
  for (let step = 0; step < loop.grid * bars; step += 1) {
    const source = from(step);
    if (source === null) continue;
    for (let voice = 0; voice < N_VOICES; voice += 1) {
      made.velocities[step * N_VOICES + voice] = loop.velocities[source * N_VOICES + voice];
      made.offsets[step * N_VOICES + voice] = loop.offsets[source * N_VOICES + voice];
    }
  }
  return made;
}

const halveTime = (loop) => remake(loop, 2 * loop.bars, (step) => (step % 2 ? null : step / 2));

const repeatTo = (loop, bars) => remake(loop, bars, (step) => step % (loop.grid * loop.bars));

const cut = (loop, start, bars) => remake(loop, bars, (step) => start + step);

function rotate(loop, by) {
  const steps = loop.grid * loop.bars;
  return remake(loop, loop.bars, (step) => (((step + by) % steps) + steps) % steps);
}

// `pairs` are of a voice and what it counts as, -1 for nothing; of two hits that fall together the
// louder stays.
function renameVoices(loop, pairs) {
  if (!pairs.length) return loop;
  const becomes = new Map(pairs);
  const made = makeLoop(loop.grid, loop.bars);
  loop.velocities.forEach((velocity, place) => {
    const voice = place % N_VOICES;
    const to = becomes.get(voice) ?? voice;
    const target = place - voice + to;
    if (to < 0 || velocity <= made.velocities[target]) return;
    made.velocities[target] = velocity;
    made.offsets[target] = loop.offsets[place];
  });
  return made;
}

// Both loops as they are compared: trapgen.similarity.lay_over, step for step.
function layOver(left, right, [beats, stretch, leftBeat, rightBeat, bars], leftVoices, voices) {
  const beat = left.grid / BEATS_A_BAR;
  let [ours, theirs] = [renameVoices(left, leftVoices), renameVoices(right, voices)];
  if (bars) {
    return [
      repeatTo(rotate(ours, leftBeat * beat), bars),
      repeatTo(rotate(theirs, rightBeat * beat), bars),
    ];
  }
  if (stretch > 1) theirs = halveTime(theirs);
  else if (stretch < 1) ours = halveTime(ours);
  const length = Math.max(ours.bars, theirs.bars);
  return [repeatTo(ours, length), rotate(repeatTo(theirs, length), beats * beat)];
}

// How many hits of two aligned loops differ; a few of them by voice and place.
function describeDifferences(train, other, labels) {
  const places = [];
  let hits = 0;
  train.velocities.forEach((velocity, place) => {
    const [ours, theirs] = [velocity > 0, other.velocities[place] > 0];
    if (ours || theirs) hits += 1;
    if (ours !== theirs) places.push([place, ours ? "train" : "the held-out loop"]);
  });
  if (!places.length) return `none of ${hits} hits`;
  const words = `${places.length} of ${hits} hits`;
  if (places.length > MAX_NAMED) return words;
  const named = places.map(([place, side]) => {
    const [step, voice] = [Math.floor(place / N_VOICES), place % N_VOICES];
    const beat = 1 + (step % train.grid) / (train.grid / BEATS_A_BAR);
    const bar = Math.floor(step / train.grid) + 1;
    const where = `bar ${bar}, beat ${Number(beat.toPrecision(4))}`;
    return `${labels[voice].toLowerCase()} in ${where} (only in ${side})`;
  });
  return `${words}: ${named.join("; ")}`;
}

