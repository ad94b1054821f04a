// Two aligned loops on the nine lanes of the kit, as trapgen.report.grid draws them.

const LANE = 10;
const BARS_A_ROW = 2;
const MAX_BARS = 16;
const MAX_MARKED = 12; // Differing hits beyond this many are no exceptions.
const BLOCKS = { both: [1, 8, "ink"], train: [1, 4, "blue"], other: [5, 4, "vermilion"] };

// An element with attributes, and with text or elements in it.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.append(...children);
  return element;
}

function makeSvg(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.append(...children);
  return element;
}

// The bars that are drawn and played: of long loops, from the first that differs.
function choosePart(train, other) {
  if (train.bars <= MAX_BARS) return [train, other, 0];
  const place = train.velocities.findIndex((x, at) => x > 0 !== other.velocities[at] > 0);
  const bar = Math.floor(Math.max(place, 0) / N_VOICES / train.grid);
  const first = Math.min(bar, train.bars - MAX_BARS);
  return [...[train, other].map((loop) => cut(loop, first * loop.grid, MAX_BARS)), first];
}

// The drawing, and a function that sets its playhead to a step or, by null, takes it away.
function drawGrid(train, other, { firstBar, lanes, labels }) {
  const differing = [];
  train.velocities.forEach((velocity, place) => {
    if (velocity > 0 !== other.velocities[place] > 0) differing.push(place);
  });
  const marked = differing.length <= MAX_MARKED ? differing : [];
  const rows = [];
  for (let bar = 0; bar < train.bars; bar += BARS_A_ROW) {
    const bars = Math.min(BARS_A_ROW, train.bars - bar);
    rows.push(drawRow(train, other, bar, bars, { firstBar, lanes, labels, marked }));
  }
  const moveHead = (step) => rows.forEach((row) => row.moveHead(step));
  return [make("div", { class: "bars" }, ...rows.map((row) => row.element)), moveHead];
}

function drawRow(train, other, bar, bars, { firstBar, lanes, labels, marked }) {
  const { grid } = train;
  const [start, width, height] = [bar * grid, bars * grid, N_VOICES * LANE];
  const paths = { both: "", train: "", other: "" };
  const counts = { both: 0, train: 0, other: 0 };
  for (let step = 0; step < width; step += 1) {
    for (let voice = 0; voice < N_VOICES; voice += 1) {
      const place = (start + step) * N_VOICES + voice;
      const [ours, theirs] = [train.velocities[place] > 0, other.velocities[place] > 0];
      if (!ours && !theirs) continue;
      const kind = ours && theirs ? "both" : ours ? "train" : "other";
      const [top, size] = BLOCKS[kind];
      paths[kind] += `M${step} ${(N_VOICES - 1 - voice) * LANE + top}h.85v${size}h-.85z`;
      counts[kind] += 1;
    }
  }
  const range = (stop, by) => Array.from({ length: Math.ceil(stop / by) }, (_, at) => at * by);
  const across = range(height + 1, LANE).map((y) => `M0 ${y}h${width}`);
  const down = (by) => range(width + 1, by).map((x) => `M${x} 0v${height}`);
  const steps = new Set(marked.map((place) => Math.floor(place / N_VOICES) - start));
  const marks = [...steps].filter((step) => step >= 0 && step < width);
  const veiled = lanes.length ? labels.map((_, voice) => voice).filter((v) => !lanes.includes(v)) : [];
  const head = makeSvg("rect", { width: 1, height, class: "head", visibility: "hidden" });
  const [from, to] = [firstBar + bar + 1, firstBar + bar + bars];
  const svg = makeSvg(
    "svg",
    {
      class: "grid",
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label":
        `Bars ${from} to ${to}: ${counts.both} hits in both loops, ${counts.train} only in the ` +
        `training loop, ${counts.other} only in the held-out loop`,
    },
    makeSvg("path", { d: marks.map((x) => `M${x} 0h1v${height}h-1z`).join(""), class: "mark" }),
    head,
    makeSvg("path", { d: [...across, ...down(grid / BEATS_A_BAR)].join(""), class: "lines" }),
    ...Object.entries(paths).map(([kind, d]) => makeSvg("path", { d, class: BLOCKS[kind][2] })),
    ...veiled.map((voice) =>
      makeSvg("rect", { y: (N_VOICES - 1 - voice) * LANE, width, height: LANE, class: "veil" }),
    ),
    makeSvg("path", { d: down(grid).join(""), class: "barlines" }),
  );
  const numbers = Array.from({ length: bars }, (_, at) => make("span", {}, `${from + at}`));
  const names = labels.map((label) => make("li", {}, label)).reverse();
  const element = make(
    "div",
    {},
    make("div", { class: "numbers", "aria-hidden": "true" }, ...numbers),
    make("ul", { class: "lanes", "aria-hidden": "true" }, ...names),
    svg,
  );
  const moveHead = (step) => {
    const within = step !== null && step >= start && step < start + width;
    head.setAttribute("visibility", within ? "visible" : "hidden");
    if (within) head.setAttribute("x", step - start);
  };
  return { element, moveHead };
}

