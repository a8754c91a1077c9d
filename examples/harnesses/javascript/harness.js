// A harness for `lossapi check --harness "node harness.js"`: the protocol of docs/harness.md, around
// the losses in losses.js. A line of JSON comes, a line of JSON goes.
"use strict";

const readline = require("node:readline");
const losses = require("./losses.js");

const HELLO = {
  protocol: 1,
  name: "javascript-example",
  version: process.version,
  losses: Object.keys(losses),
  traits: { dtypes: ["float64", "float32"] },
};

class Unsupported extends Error {}

// JSON has no NaN and no infinities: they come and go as these strings.
const SPECIAL = { NaN, Infinity, "-Infinity": -Infinity };
const read = (x) => (typeof x === "string" ? SPECIAL[x] : Number(x));
const write = (x) => (Number.isFinite(x) ? x : String(x));

// An array is {dtype, shape, data}, with all numbers in one list. The first axis counts examples;
// what is left of the shape is one example: nothing for a number, [k] for a vector.
function examples({ shape, data }) {
  const [count, ...core] = shape;
  const size = core.reduce((n, m) => n * m, 1);
  const one = (i) => data.slice(i * size, (i + 1) * size).map(read);
  return Array.from({ length: count }, (_, i) => (core.length === 0 ? one(i)[0] : one(i)));
}

function run({ loss, dtype, want, wrt, inputs, parameters }) {
  const entry = losses[loss];
  if (entry === undefined) throw new Unsupported(`no ${loss} here`);
  const compute = { value: entry.value, gradient: entry.gradient[wrt[0]] }[want];
  if (compute === undefined || wrt.length > 1) throw new Unsupported(`no ${want} of ${loss}`);
  const lacking = Object.keys(parameters).filter((name) => parameters[name] && !takes(entry, name));
  if (lacking.length > 0) throw new Unsupported(`${loss} takes no ${lacking}`);
  const settings = Object.fromEntries(Object.entries(parameters).map(([k, v]) => [k, read(v)]));
  const columns = entry.inputs.map((name) => examples(inputs[name]));
  const results = columns[0].map((_, i) => compute(...columns.map((c) => c[i]), settings));
  // A gradient has the shape of its input; the value is a number an example.
  const shape = want === "value" ? [results.length] : inputs[wrt[0]].shape;
  // In float32 the result is rounded once, from float64.
  const round = dtype === "float32" ? Math.fround : (x) => x;
  return [{ dtype, shape, data: results.flat().map((x) => write(round(x))) }];
}

const takes = (entry, name) => entry.parameters === undefined || entry.parameters.includes(name);

function answer(message) {
  if (message.hello) return { hello: HELLO };
  const { id } = message.run;
  try {
    return { id, results: run(message.run) };
  } catch (error) {
    const type = error instanceof Unsupported ? "Unsupported" : error.name;
    return { id, error: { type, message: error.message } };
  }
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.bye) process.exit(0);
  process.stdout.write(JSON.stringify(answer(message)) + "\n");
});
