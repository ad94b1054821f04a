// The list of pairs: filtered, sorted, and drawn one by one as they are opened.

const A_PAGE = 40;

function startPairs() {
  const element = document.getElementById("pairs-data");
  if (!element) return;
  const data = JSON.parse(element.textContent);
  const kinds = new Map(data.kinds);
  const parse = (html) => new DOMParser().parseFromString(html, "text/html").body.firstChild;
  const frames = data.frames.map(parse);
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
    control("count").textContent = found.length
      ? `${number} of ${found.length} pairs that fit; ${pairs.length} are on this page.`
      : `None of the ${pairs.length} pairs on this page fits.`;
    control("more").hidden = found.length <= shown;
  }

  function makeItem(pair, open) {
    const distance = pair.distance === null ? "related" : `${pair.distance.toFixed(2)} apart`;
    const summary = make(
      "summary",
      {},
      make("span", { class: "distance" }, pair.distance === 0 ? "identical" : distance),
      make("span", { class: "kind" }, kinds.get(pair.kind)),
      make(
        "span",
        { class: "names" },
        make("span", { class: "name" }, pair.train.name),
        " ",
        make("small", {}, "train"),
        " ↔ ",
        make("span", { class: "name" }, pair.other.name),
        " ",
        make("small", {}, pair.other.side),
      ),
    );
    const details = make("details", { "data-pair": pair.id }, summary);
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(drawPair(pair));
    });
    details.open = open;
    return make("li", {}, details);
  }

  function drawPair(pair) {
    const part = { ...pair.aligned, hits: decodeHits(pair.aligned.hits) };
    const voices = pair.kind === "voice" ? pair.voices.split(",") : [];
    const lanes = data.voices.flatMap(([name], at) => (voices.includes(name) ? [at] : []));
    const [grid, moveHead] = drawGrid(part, data.grid, lanes, frames);
    const words = `Bars ${part.first + 1} to ${part.first + part.shown} of ${part.bars}.`;
    const note = part.shown < part.bars ? [make("p", { class: "note" }, words)] : [];
    return make("div", { class: "body" }, makeButtons(part, moveHead), describe(pair), grid, ...note);
  }

  function makeButtons({ hits, seconds, shown }, moveHead) {
    const [ours, theirs] = seconds.map((stepSeconds, of) => ({ hits, of, stepSeconds, pan: 0 }));
    const both = [
      { ...ours, pan: -0.7 },
      { ...theirs, stepSeconds: ours.stepSeconds, pan: 0.7 },
    ];
    const size = { beat: data.grid / 4, steps: shown * data.grid };
    const choices = [
      ["Training loop", [ours]],
      ["Held-out loop", [theirs]],
      ["Both, left and right", both],
    ].map(([words, parts]) => {
      const button = make("button", { type: "button", "aria-pressed": "false" }, words);
      button.addEventListener("click", () => {
        if (button.getAttribute("aria-pressed") === "true") stopPlaying();
        else startPlaying(button, parts, size, moveHead);
      });
      return button;
    });
    return make("div", { class: "play", role: "group", "aria-label": "Play" }, ...choices);
  }

  function describe(pair) {
    const nameAll = (numbers) => numbers.map((number) => data.names[number]).join(", ") || "none";
    const common = (key) =>
      nameAll(pair.train[key].filter((number) => pair.other[key].includes(number)));
    const voices = pair.kind === "voice" || pair.kind === "exact_bar" ? pair.voices : "";
    const named = voices
      .split(",")
      .map((voice) => new Map(data.voices).get(voice)?.toLowerCase() ?? voice);
    const tempo = (loop) => `${loop.bpm} bpm${loop.style ? `, ${loop.style}` : ""}`;
    const rows = [
      ["What differs", pair.aligned.differs],
      ...(pair.loosely === null
        ? []
        : [["A step early or late allowed", `${pair.loosely.toFixed(2)} apart`]]),
      ["Held-out loop", pair.words || "laid over as it is"],
      ...(voices ? [["Voices", named.join(", ")]] : []),
      ["Shared sources", common("sources")],
      ["Parents in train", nameAll(pair.train.parents)],
      ["Parents held out", nameAll(pair.other.parents)],
      ["Tempo", `${tempo(pair.train)} in train; ${tempo(pair.other)} held out`],
    ];
    const entries = rows.flatMap(([name, words]) => [make("dt", {}, name), make("dd", {}, words)]);
    return make("dl", { class: "facts" }, ...entries);
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
