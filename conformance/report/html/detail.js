// What lies behind a cell: its checks, each failing point, and what was not judged.

const dialog = document.getElementById("detail");
const AT_ONCE = 40; // points that are drawn before a reader asks for more

const sign = (outcome) =>
  make("span", { class: "sign", "data-outcome": outcome, "aria-hidden": "true" }, SYMBOLS[outcome]);

const badge = (outcome) =>
  make("span", { class: "outcome", "data-outcome": outcome }, `${SYMBOLS[outcome]} ${outcome}`);

function checksTable(some) {
  const kinds = OUTCOMES.filter((outcome) => some.some((group) => group.outcome === outcome));
  const heads = ["check", ...kinds, "worst ULP"];
  const table = make("table", { class: "checks" });
  table.append(
    make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)))),
  );
  const body = make("tbody");
  for (const check of tables.check) {
    const own = some.filter((group) => group.check === check);
    if (!own.length) continue;
    const { counts, ulp } = summed(own);
    const row = make("tr", {}, make("th", { scope: "row" }, check));
    for (const outcome of kinds) {
      const attributes = counts[outcome] ? { "data-outcome": outcome } : {};
      row.append(make("td", attributes, counts[outcome] ? String(counts[outcome]) : ""));
    }
    row.append(make("td", {}, spelled(ulp)));
    body.append(row);
  }
  table.append(body);
  return make("div", { class: "scroller" }, table);
}

function copyButton(text, from) {
  const button = make("button", { type: "button", class: "copy" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(from); // where a page may not write: one key is left to press
      button.textContent = "Selected: now copy";
    }
    setTimeout(() => (button.textContent = "Copy"), 3000);
  });
  return button;
}

function reason(point) {
  const told = make("span", {}, point.kind ? `${point.kind}: ` : "", point.reason);
  if (point.issue.startsWith("https://"))
    told.append(" ", make("a", { href: point.issue, rel: "noopener noreferrer" }, point.issue));
  else if (point.issue) told.append(` ${point.issue}`);
  return told;
}

function flagList(point) {
  const known = (flag) => data.flags[flag] ?? { meaning: "", effect: "" };
  return point.flags.length
    ? make(
        "ul",
        { class: "flags" },
        ...point.flags.map((flag) =>
          make("li", {}, make("code", {}, flag), ` ${known(flag).meaning}`),
        ),
      )
    : null;
}

function again(line) {
  if (!line) return null;
  const code = make("code", {}, line);
  const box = make("pre", { tabindex: "0", "aria-label": "a line that repeats it" }, code);
  return make("div", { class: "again" }, box, copyButton(line, code));
}

function pointEntry(point, open) {
  const head = make(
    "summary",
    {},
    badge(point.outcome),
    make("span", { class: "place" }, [point.check, point.case, point.dtype].join(" ")),
    make("span", { class: "ulp" }, point.ulp === null ? "" : `${spelled(point.ulp)} ULP`),
  );
  const list = make("dl");
  const told = {
    what: point.message,
    expected: point.reason ? reason(point) : null,
    came: point.got && make("code", {}, point.got),
    due: point.expected && make("code", {}, point.expected),
    error: point.ulp === null ? null : `${spelled(point.ulp)} ULP`,
    flags: flagList(point),
    note: point.note,
    again: again(point.reproduce),
  };
  for (const [name, value] of Object.entries(told))
    if (value) list.append(make("dt", {}, name), make("dd", {}, value));
  return make("details", { class: "point", open }, head, list);
}

function pointList(some) {
  const list = make("div", { class: "points" });
  const more = make("button", { type: "button" });
  let drawn = 0;
  const draw = () => {
    const entries = some
      .slice(drawn, drawn + AT_ONCE)
      .map((point, at) => pointEntry(point, drawn + at === 0));
    more.before(...entries);
    drawn += entries.length;
    more.textContent = `Show more (${some.length - drawn} left)`;
    more.hidden = drawn >= some.length;
    return entries;
  };
  list.append(more);
  draw();
  more.addEventListener("click", () => draw()[0].querySelector("summary").focus());
  return list;
}

function unjudgedList(loss, subject) {
  const cell = data.cells.find((entry) => entry[0] === loss && entry[1] === subject);
  const own = cell?.[4] ?? [];
  if (!own.length) return null;
  const items = own.map(([outcome, reason, checks]) => {
    const name = tables.outcome[outcome];
    const counts = checks.map(([check, count]) => `${tables.check[check]} ${count}`).join(", ");
    return make("li", {}, badge(name), ` ${tables.unjudged[reason] || name} (${counts})`);
  });
  return make(
    "section",
    {},
    make("h3", {}, "Not judged, which is not passed"),
    make("ul", { class: "unjudged" }, ...items),
  );
}

const severity = (point) => OUTCOMES.indexOf(point.outcome);

function fillDialog(at, place) {
  const loss = data.losses[at];
  const subject = data.subjects[place];
  const own = (entry) => entry.loss === at && entry.subject === place;
  const some = groups.filter((group) => own(group) && isAsked(group));
  const { verdict, ulp } = summed(some);
  const failing = points.filter(own);
  const asked = failing
    .filter((point) => isAsked(point) && (!filter.outcome || point.outcome === filter.outcome))
    .sort((a, b) => severity(a) - severity(b));
  const close = make("button", { type: "button", class: "close" }, "Close");
  close.addEventListener("click", () => dialog.close());
  const heading = make("h2", { id: "detail-title" }, loss.loss, make("span", {}, subject.title));
  const parts = [
    make("div", { class: "bar" }, heading, close),
    make("p", {}, loss.summary),
    verdict
      ? make("p", {}, badge(verdict), ulp === null ? "" : ` worst error ${spelled(ulp)} ULP`)
      : make("p", {}, "Nothing of it is left by the filter."),
    subject.partial ? make("p", { class: "notice" }, `Partial: ${subject.partial}`) : null,
    checksTable(some),
    failing.length ? make("h3", {}, `Points that are not right (${failing.length})`) : null,
    asked.length < failing.length
      ? make("p", { class: "notice" }, `The filter leaves ${asked.length} of them.`)
      : null,
    asked.length ? pointList(asked) : null,
    unjudgedList(at, place),
  ];
  dialog.replaceChildren(...parts.filter(Boolean));
}

function openDetail(at, place) {
  fillDialog(at, place);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  history.replaceState(null, "", address(at, place));
}

const address = (at, place) =>
  `#${encodeURIComponent(data.losses[at].loss)}/${encodeURIComponent(data.subjects[place].title)}`;

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // no address of this page
  }
}

/** The cell that the address of the page names. */
function addressed() {
  const [loss, subject] = location.hash.slice(1).split("/").map(decoded);
  const at = data.losses.findIndex((entry) => entry.loss === loss);
  const place = data.subjects.findIndex((entry) => entry.title === subject);
  return at >= 0 && place >= 0 ? [at, place] : null;
}

function listenToDialog() {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
  dialog.addEventListener("close", () => {
    history.replaceState(null, "", location.pathname + location.search);
    buttonAt(current)?.focus();
  });
}
