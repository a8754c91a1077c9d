// What the page shows, and what a filter leaves of it.

const data = JSON.parse(document.getElementById("data").textContent);
const OUTCOMES = data.outcomes.map((outcome) => outcome.name);
const SYMBOLS = Object.fromEntries(data.outcomes.map(({ name, symbol }) => [name, symbol]));
const UNJUDGED = ["unsupported", "spared"];

const { tables } = data;

const groups = data.cells.flatMap(([loss, subject, own]) =>
  tables.groups[own].map(([[check, dtype, flags, outcome], count, ulp]) => ({
    loss,
    subject,
    check: tables.check[check],
    dtype: tables.dtype[dtype],
    flags: tables.flags[flags],
    outcome: tables.outcome[outcome],
    count,
    ulp,
  })),
);

const points = data.cells.flatMap(([loss, subject, , wrong]) =>
  wrong.map((point) => {
    const texts = data.texts.map((name, at) => [name, tables[name][point[at]]]);
    const [flags, ulp, line] = point.slice(data.texts.length);
    return {
      loss,
      subject,
      ...Object.fromEntries(texts),
      flags: tables.flags[flags],
      ulp,
      reproduce: line.map((part) => tables.statement[part]).join(data.between),
    };
  }),
);

const filter = { text: "", family: "", check: "", dtype: "", flag: "", outcome: "" };

/** Whether a group or a point is among what was asked for. */
function isAsked(entry) {
  return (
    (!filter.check || entry.check === filter.check) &&
    (!filter.dtype || entry.dtype === filter.dtype) &&
    (!filter.flag || entry.flags.includes(filter.flag))
  );
}

/** Whether everything that can be written of a point holds the text that is searched for. */
function tellsOf(point, text) {
  return [point.case, point.message, point.note, point.reason, point.flags.join(" ")].some((part) =>
    part.toLowerCase().includes(text),
  );
}

const bigger = (a, b) => (b === null || a === "∞" || (b !== "∞" && a !== null && a >= b) ? a : b);

/** Several groups as one: its verdict is the outcome that most needs a look. */
function summed(some) {
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]));
  let ulp = null;
  for (const group of some) {
    counts[group.outcome] += group.count;
    ulp = bigger(ulp, group.ulp);
  }
  return { counts, ulp, verdict: OUTCOMES.find((outcome) => counts[outcome]) };
}

/** An error in ULP as a reader wants it. */
function spelled(ulp) {
  if (ulp === null) return "";
  if (ulp === "∞") return "∞";
  return ulp < 1e5 ? String(Number(ulp.toFixed(2))) : ulp.toExponential(2).replace("e+", "e");
}

/** What is left of each cell, by function and subject, under the filter. */
function cells() {
  const found = data.losses.map(() => data.subjects.map(() => []));
  for (const group of groups) if (isAsked(group)) found[group.loss][group.subject].push(group);
  return found.map((row) => row.map((some) => (some.length ? summed(some) : null)));
}

/** The functions whose own name, or any of whose points, holds the text that is searched for. */
function found() {
  const text = filter.text.trim().toLowerCase();
  const telling = new Set(points.filter((point) => tellsOf(point, text)).map(({ loss }) => loss));
  return data.losses.map(
    ({ loss, title, summary, family }, at) =>
      (!filter.family || family === filter.family) &&
      (!text || telling.has(at) || `${loss} ${title} ${summary}`.toLowerCase().includes(text)),
  );
}

/** An element with attributes; texts among its children are only ever text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}
