// Two loops laid over each other: their hits, put into rows that come drawn with the page.

const N_VOICES = 9;

// A text with values in place of its `{gaps}`.
const fillGaps = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

const decodeBytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

// Six bytes a hit, as trapgen.report.embed writes them; `hits` are of either loop or of both, with
// their velocities, 0 for none, and their microtiming in 256ths of a step.
function decodeHits(text) {
  const view = new DataView(decodeBytes(text).buffer);
  return Array.from({ length: view.byteLength / 6 }, (_, number) => {
    const at = 6 * number;
    const place = view.getUint16(at, true);
    return {
      step: Math.floor(place / N_VOICES),
      voice: place % N_VOICES,
      velocities: [view.getUint8(at + 2), view.getUint8(at + 3)],
      offsets: [view.getInt8(at + 4), view.getInt8(at + 5)],
    };
  });
}

// Draws into an element; gives a function that sets the playhead to a step or, by null, takes it away.
// `frames` are rows of one bar and more; voices other than those looked at, if any, are veiled.
function drawGrid(element, { first, shown, hits, marks }, grid, lookedAt, frames) {
  const starts = Array.from({ length: Math.ceil(shown / frames.length) }, (_, row) => row * frames.length);
  const drawn = starts.map((bar) => {
    const bars = Math.min(frames.length, shown - bar);
    const [from, width] = [bar * grid, bars * grid];
    const row = frames[bars - 1].cloneNode(true);
    const svg = row.querySelector("svg");
    const within = (step) => step >= from && step < from + width;
    const paths = { ink: "", blue: "", vermilion: "" };
    const words = { first: first + bar + 1, last: first + bar + bars };
    Object.keys(paths).forEach((color) => (words[color] = 0));
    hits.forEach(({ step, voice, velocities: [ours, theirs] }) => {
      if (!within(step)) return;
      const color = ours && theirs ? "ink" : ours ? "blue" : "vermilion";
      paths[color] += `M${step - from} ${voice}h.85`;
      words[color] += 1;
    });
    paths.mark = marks.filter(within).map((step) => `M${step - from} 0h1`).join("");
    Object.entries(paths).forEach(([name, d]) => svg.querySelector(`.${name}`).setAttribute("d", d));
    svg.setAttribute("aria-label", fillGaps(svg.getAttribute("aria-label"), words));
    svg.querySelectorAll(".veil").forEach((veil, voice) => {
      if (!lookedAt.length || lookedAt.includes(voice)) veil.remove();
    });
    row.querySelectorAll(".numbers span").forEach((span, at) => (span.textContent = words.first + at));
    const head = svg.querySelector(".head");
    const moveHead = (step) => {
      const visible = step !== null && within(step);
      head.setAttribute("visibility", visible ? "visible" : "hidden");
      if (visible) head.setAttribute("x", step - from);
    };
    return { row, moveHead };
  });
  element.append(...drawn.map(({ row }) => row));
  return (step) => drawn.forEach(({ moveHead }) => moveHead(step));
}

