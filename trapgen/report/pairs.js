// The list of pairs: filtered, sorted, and drawn one by one as they are opened.

const A_PAGE = 40;

function startPairs() {
  const element = document.getElementById("pairs-data");
  if (!element) return;
  const data = JSON.parse(element.textContent);
  const kinds = new Map(data.kinds);
  const labels = data.voices.map(([, label]) => label);
  const pairs = data.pairs.map(
    ([train, other, kind, distance, loosely, voices, words, move, leftNames, names], id) => ({
      id,
      train: data.loops[train],
      other: data.loops[other],
      kind,
      distance,
      loosely,
      voices,
      words,
      move,
      renamed: [leftNames, names],
    }),
  );
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
    const loops = [pair.train, pair.other].map(decodeLoop);
    const [ours, theirs] = layOver(...loops, pair.move, ...pair.renamed);
    const [train, other, firstBar] = choosePart(ours, theirs);
    const voices = pair.voices.split(",");
    const lanes = data.voices.flatMap(([name], at) => (voices.includes(name) ? [at] : []));
    const [grid, moveHead] = drawGrid(train, other, {
      firstBar,
      lanes: pair.kind === "voice" ? lanes : [],
      labels,
    });
    const note =
      train.bars < ours.bars
        ? [make("p", { class: "note" }, `Bars ${firstBar + 1} to ${firstBar + train.bars} of ${ours.bars}.`)]
        : [];
    const buttons = makeButtons(pair, train, other, moveHead);
    const facts = describe(pair, describeDifferences(ours, theirs, labels));
    return make("div", { class: "body" }, buttons, facts, grid, ...note);
  }

  function makeButtons(pair, train, other, moveHead) {
    // A loop that is laid over in half time is heard as fast as it is.
    const stretch = pair.move[4] ? 1 : pair.move[1];
    const seconds = (bpm, faster) => (4 * 60) / bpm / train.grid / faster;
    const ours = { loop: train, stepSeconds: seconds(pair.train.bpm, Math.max(1, 1 / stretch)), pan: 0 };
    const theirs = { loop: other, stepSeconds: seconds(pair.other.bpm, Math.max(1, stretch)), pan: 0 };
    const both = [
      { ...ours, pan: -0.7 },
      { ...theirs, stepSeconds: ours.stepSeconds, pan: 0.7 },
    ];
    const choices = [
      ["Training loop", [ours]],
      ["Held-out loop", [theirs]],
      ["Both, left and right", both],
    ].map(([words, parts]) => {
      const button = make("button", { type: "button", "aria-pressed": "false" }, words);
      button.addEventListener("click", () => {
        if (button.getAttribute("aria-pressed") === "true") stopPlaying();
        else startPlaying(button, parts, moveHead);
      });
      return button;
    });
    return make("div", { class: "play", role: "group", "aria-label": "Play" }, ...choices);
  }

  function describe(pair, differences) {
    const nameAll = (numbers) => numbers.map((number) => data.names[number]).join(", ") || "none";
    const common = (key) =>
      nameAll(pair.train[key].filter((number) => pair.other[key].includes(number)));
    const voices = pair.kind === "voice" || pair.kind === "exact_bar" ? pair.voices : "";
    const named = voices
      .split(",")
      .map((voice) => new Map(data.voices).get(voice)?.toLowerCase() ?? voice);
    const tempo = (loop) => `${loop.bpm} bpm${loop.style ? `, ${loop.style}` : ""}`;
    const rows = [
      ["What differs", differences],
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
