// The matrix: functions by subjects, in a table that arrow keys walk through.

const matrix = document.getElementById("matrix");
let walk = []; // the rows of buttons that are shown
let current = { loss: 0, subject: 0 }; // the cell that Tab comes to

function drawHead() {
  matrix.classList.toggle("many", data.subjects.length > 6);
  const names = data.subjects.map(({ title, version }) =>
    make(
      "th",
      { scope: "col" },
      make("span", { class: "name" }, title),
      make("span", { class: "version" }, title.includes(version) ? "" : version),
    ),
  );
  const row = make("tr", {}, make("th", { scope: "col", class: "corner" }, "function"), ...names);
  matrix.append(make("thead", {}, row));
}

/** A name that may go on in a new line after each underscore. */
function breakable(name) {
  const [first, ...others] = name.split("_");
  return [first, ...others.flatMap((part) => ["_", make("wbr"), part])];
}

function cellButton(at, place, cell) {
  const { loss } = data.losses[at];
  const subject = data.subjects[place].title;
  const ulp = spelled(cell.ulp);
  const told = [`${loss}, ${subject}: ${cell.verdict}`, ulp && `${ulp} ULP`].filter(Boolean);
  return make(
    "button",
    {
      type: "button",
      class: "cell",
      tabindex: "-1",
      "data-outcome": cell.verdict,
      "data-loss": at,
      "data-subject": place,
      "aria-label": told.join(", "),
      "aria-haspopup": "dialog",
    },
    make("span", { class: "sign", "aria-hidden": "true" }, SYMBOLS[cell.verdict]),
    make("span", { class: "ulp" }, ulp),
  );
}

/** Draw what the filter leaves; returns the number of functions. */
function drawBody() {
  for (const body of [...matrix.tBodies]) body.remove();
  walk = [];
  const all = cells();
  const wanted = found();
  let family = "";
  let body = null;
  let count = 0;
  data.losses.forEach((loss, at) => {
    const shown = all[at].map((cell) =>
      cell && (!filter.outcome || cell.counts[filter.outcome]) ? cell : null,
    );
    if (!wanted[at] || !shown.some(Boolean)) return;
    count += 1;
    if (loss.family !== family) {
      family = loss.family;
      body = make("tbody");
      const head = make("th", { scope: "rowgroup", colspan: data.subjects.length + 1 });
      head.append(make("span", {}, family));
      body.append(make("tr", { class: "family" }, head));
      matrix.append(body);
    }
    const buttons = shown.map((cell, place) => cell && cellButton(at, place, cell));
    const head = make("th", { scope: "row", title: loss.summary }, ...breakable(loss.loss));
    const row = make("tr", {}, head);
    row.append(...buttons.map((button) => make("td", {}, button ?? "")));
    body.append(row);
    walk.push(buttons);
  });
  admit();
  return count;
}

const buttonAt = ({ loss, subject }) =>
  matrix.querySelector(`button[data-loss="${loss}"][data-subject="${subject}"]`);

/** Let Tab come to one cell: the last one that had the focus, or the first. */
function admit(button = buttonAt(current) ?? matrix.querySelector("button.cell")) {
  matrix.querySelector('button[tabindex="0"]')?.setAttribute("tabindex", "-1");
  if (!button) return;
  button.setAttribute("tabindex", "0");
  current = { loss: Number(button.dataset.loss), subject: Number(button.dataset.subject) };
}

/** The next cell in a direction, over those that are empty. */
function next(button, key) {
  const row = walk.findIndex((buttons) => buttons.includes(button));
  const place = walk[row].indexOf(button);
  const along = walk[row];
  const down = walk.map((buttons) => buttons[place]);
  const after = (line, at) => line.slice(at + 1).find(Boolean);
  const before = (line, at) => line.slice(0, at).findLast(Boolean);
  return {
    ArrowRight: () => after(along, place),
    ArrowLeft: () => before(along, place),
    ArrowDown: () => after(down, row),
    ArrowUp: () => before(down, row),
    Home: () => along.find(Boolean),
    End: () => along.findLast(Boolean),
    PageDown: () => after(down, Math.min(row + 9, down.length - 2)),
    PageUp: () => before(down, Math.max(row - 9, 1)),
  }[key]?.();
}

function listenToMatrix(open) {
  matrix.addEventListener("keydown", (event) => {
    const button = event.target.closest("button.cell");
    if (!button || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = next(button, event.key);
    if (!to) return;
    event.preventDefault();
    to.focus();
  });
  matrix.addEventListener("focusin", (event) => {
    const button = event.target.closest("button.cell");
    if (button) admit(button);
  });
  matrix.addEventListener("click", (event) => {
    const button = event.target.closest("button.cell");
    if (button) open(Number(button.dataset.loss), Number(button.dataset.subject));
  });
}
