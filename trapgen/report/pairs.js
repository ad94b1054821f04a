// The list of pairs: filtered, sorted, and drawn one by one as they are opened.

const A_PAGE = 40;

// A copy of a page's template: its `{gaps}` are filled with values, and what hangs on a value that is
// null goes.
function fill(id, values) {
  const copy = document.getElementById(id).content.firstElementChild.cloneNode(true);
  copy.querySelectorAll("[data-if]").forEach((part) => values[part.dataset.if] ?? part.remove());
  const texts = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = fillGaps(texts.currentNode.data, values);
  copy.querySelectorAll("[data-empty]").forEach((part) => (part.textContent ||= part.dataset.empty));
  return copy;
}

function startPairs() {
  const element = document.getElementById("pairs-data");
  if (!element) return;
  const data = JSON.parse(element.textContent);
  const frames = [...document.getElementById("pairs-rows").content.children];
  const aligned = data.aligned.map(([bars, first, shown, ours, theirs, differs, hits, marks]) => ({
    bars,
    first,
    shown,
    seconds: [ours, theirs],
    differs,
    hits,
    marks,
  }));
  const pairs = data.pairs.map(
    ([train, other, kind, distance, loosely, voices, words, number], id) => ({
      id,
      train: data.loops[train],
      other: data.loops[other],
      kind,
      distance,
      loosely,
      voices,
      words,
      aligned: aligned[number],
    }),
  );
  player.kit = data.kit;
  const control = (name) => document.getElementById(`pairs-${name}`);
  // What a kind is called, the gravest first.
  const kinds = new Map([...control("kind").options].map(({ value, text }) => [value, text]));
  const order = [...kinds.keys()];
  const compareNames = (one, other) =>
    one.train.name.localeCompare(other.train.name, "en", { numeric: true }) ||
    one.other.name.localeCompare(other.other.name, "en", { numeric: true });
  // Sorting is stable, and the pairs come by distance: it decides where these do not.
  const comparisons = {
    distance: () => 0,
    name: compareNames,
    kind: (one, other) => order.indexOf(one.kind) - order.indexOf(other.kind),
  };
  let shown = A_PAGE;

  function select() {
    const text = control("text").value.trim().toLowerCase();
    const most = control("distance").value === "" ? null : Number(control("distance").value);
    return pairs
      .filter(({ kind }) => !control("kind").value || kind === control("kind").value)
      .filter(({ other }) => !control("side").value || other.side === control("side").value)
      .filter(({ distance }) => most === null || (distance !== null && distance <= most))
      .filter(({ train, other }) => `${train.name}\n${other.name}`.toLowerCase().includes(text))
      .sort(comparisons[control("sort").value]);
  }

  function list(keep = 0) {
    const found = select();
    const items = found.slice(keep, shown).map((pair, at) => makeItem(pair, !keep && !at));
    if (keep) {
      control("list").append(...items);
      items[0]?.querySelector("summary").focus();
    } else {
      stopPlaying();
      control("list").replaceChildren(...items);
    }
    const number = Math.min(shown, found.length);
    const { some, none } = control("count").dataset;
    const values = { number, found: found.length, all: pairs.length };
    control("count").textContent = fillGaps(found.length ? some : none, values);
    control("more").hidden = found.length <= shown;
  }

  function makeItem(pair, open) {
    const item = fill("pairs-item", {
      apart: pair.distance ? pair.distance.toFixed(2) : null,
      identical: pair.distance === 0 ? true : null,
      related: pair.distance === null ? true : null,
      kind: kinds.get(pair.kind),
      train: pair.train.name,
      other: pair.other.name,
      side: pair.other.side,
    });
    const details = item.querySelector("details");
    details.dataset.pair = pair.id;
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(drawPair(pair));
    });
    details.open = open;
    return item;
  }

  function drawPair(pair) {
    const part = { ...pair.aligned, hits: decodeHits(pair.aligned.hits) };
    const copied = pair.kind === "voice" ? pair.voices.split(",") : [];
    const lookedAt = data.voices.flatMap(([name], at) => (copied.includes(name) ? [at] : []));
    const body = fill("pairs-body", describe(pair));
    const moveHead = drawGrid(body.querySelector(".bars"), part, data.grid, lookedAt, frames);
    setButtons(body.querySelectorAll(".play button"), part, moveHead);
    return body;
  }

  // The buttons play the training loop, the held-out loop, and both.
  function setButtons(buttons, { hits, seconds, shown }, moveHead) {
    const [ours, theirs] = seconds.map((stepSeconds, of) => ({ hits, of, stepSeconds, pan: 0 }));
    const both = [
      { ...ours, pan: -0.7 },
      { ...theirs, stepSeconds: ours.stepSeconds, pan: 0.7 },
    ];
    const size = { beat: data.grid / 4, steps: shown * data.grid };
    [[ours], [theirs], both].forEach((parts, number) => {
      const button = buttons[number];
      button.addEventListener("click", () => {
        if (button.getAttribute("aria-pressed") === "true") stopPlaying();
        else startPlaying(button, parts, size, moveHead);
      });
    });
  }

  function describe({ kind, train, other, loosely, voices, words, aligned }) {
    const nameAll = (numbers) => numbers.map((number) => data.names[number]).join(", ");
    const labels = new Map(data.voices);
    const label = (voice) => labels.get(voice)?.toLowerCase() ?? voice;
    const named = kind === "voice" || kind === "exact_bar" ? voices : "";
    return {
      differences: aligned.differs,
      loosely: loosely === null ? null : loosely.toFixed(2),
      transform: words,
      voices: named ? named.split(",").map(label).join(", ") : null,
      sources: nameAll(train.sources.filter((number) => other.sources.includes(number))),
      train_parents: nameAll(train.parents),
      other_parents: nameAll(other.parents),
      train_bpm: train.bpm,
      train_style: train.style || null,
      other_bpm: other.bpm,
      other_style: other.style || null,
      cut: aligned.shown < aligned.bars ? true : null,
      first: aligned.first + 1,
      last: aligned.first + aligned.shown,
      bars: aligned.bars,
    };
  }

  control("controls").addEventListener("input", () => {
    shown = A_PAGE;
    list();
  });
  control("controls").addEventListener("submit", (event) => event.preventDefault());
  control("more").addEventListener("click", () => {
    const before = shown;
    shown += A_PAGE;
    list(before);
  });
  control("controls").hidden = false;
  list();
}

startPairs();
