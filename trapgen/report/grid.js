// Two loops laid over each other: their hits, put into rows that come drawn with the page.

const N_VOICES = 9;

// An element with attributes, and with text or elements in it.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.append(...children);
  return element;
}

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

// The drawing, and a function that sets its playhead to a step or, by null, takes it away. `frames`
// are rows of one bar and more.
function drawGrid({ first, shown, hits, marks }, grid, lanes, frames) {
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
    const label = svg.getAttribute("aria-label").replace(/\{(\w+)\}/g, (_, name) => words[name]);
    svg.setAttribute("aria-label", label);
    svg.querySelectorAll(".veil").forEach((veil, voice) => {
      if (!lanes.length || lanes.includes(voice)) veil.remove();
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
  const moveHeads = (step) => drawn.forEach(({ moveHead }) => moveHead(step));
  return [make("div", { class: "bars" }, ...drawn.map(({ row }) => row)), moveHeads];
}

