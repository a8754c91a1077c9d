// The page.

const VERDICTS = {
  conforming: "pass",
  "wrong as expected": "expected failure",
  "not conforming": "fail",
  partial: "unsupported",
  "partial, not conforming": "fail",
  "not judged": "unsupported",
};

/** How the cases of a subject divide, as a bar; its text says the same. */
function divided(counts) {
  const kinds = OUTCOMES.filter((outcome) => counts[outcome]);
  const told = kinds.map((outcome) => `${counts[outcome]} ${outcome}`).join(", ");
  const bar = make("div", { class: "divided", "aria-hidden": "true" });
  for (const outcome of [...kinds].reverse()) {
    const part = make("span", { "data-outcome": outcome });
    part.style.flexGrow = counts[outcome];
    bar.append(part);
  }
  return [bar, make("p", { class: "counts" }, told || "nothing was judged")];
}

function staleList(stale) {
  if (!stale.length) return null;
  const head = make("summary", {}, `Expectations that match nothing (${stale.length})`);
  return make("details", {}, head, make("ul", {}, ...stale.map((line) => make("li", {}, line))));
}

function card(subject) {
  const runs = subject.runs.map((run) =>
    make(
      "li",
      {},
      `${run.date}, lossapi ${run.lossapi}, Python ${run.python}, NumPy ${run.numpy}, ` +
        `${run.platform}, seed ${run.seed}`,
    ),
  );
  return make(
    "article",
    { class: "card" },
    make("h3", {}, subject.subject, make("span", { class: "version" }, subject.version)),
    make(
      "p",
      {},
      make("span", { class: "outcome", "data-outcome": VERDICTS[subject.verdict] }, subject.verdict),
      ` ${subject.right} of ${subject.judged} functions right`,
    ),
    ...divided(subject.counts),
    staleList(subject.stale),
    make("details", {}, make("summary", {}, "Run"), make("ul", {}, ...runs)),
  );
}

function drawSubjects() {
  document.getElementById("subjects").append(...data.subjects.map(card));
  const skipped = Object.entries(data.skipped).map(([name, why]) => `${name} was not run: ${why}`);
  document.getElementById("skipped").append(...skipped.map((told) => make("li", {}, told)));
}

function drawNotices() {
  const partial = data.subjects.filter((subject) => subject.partial);
  if (!partial.length) return;
  const items = partial.map(({ title, partial: why }) => make("li", {}, `${title}: ${why}`));
  const told = "This report is partial: what it does not show was not judged.";
  const box = make("div", { class: "notice", role: "note" }, make("strong", {}, told));
  box.append(make("ul", {}, ...items));
  document.getElementById("notices").append(box);
}

function drawMatrix() {
  const count = drawBody();
  const told = `${count} of ${data.losses.length} functions are shown`;
  document.getElementById("shown").textContent = told;
}

function openAddressed() {
  const cell = addressed();
  if (!cell) return;
  [current.loss, current.subject] = cell;
  admit();
  openDetail(...cell);
}

drawNotices();
drawSubjects();
drawFilters(drawMatrix);
drawLegend();
drawHead();
drawMatrix();
listenToMatrix(openDetail);
listenToDialog();
openAddressed();
addEventListener("hashchange", openAddressed);
