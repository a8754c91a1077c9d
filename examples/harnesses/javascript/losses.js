// Losses written by hand, one example at a time: what a library would bring instead.
//
// Each entry has the names of its inputs, `value`, and `gradient` by each input that has one. They
// take the inputs in this order (a number, or an array of numbers for a vector) and the parameters.
"use strict";

// exp(-|z|) can't overflow; log1p keeps the digits of a small loss.
const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
const sigmoid = (z) => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));

// What has no weight costs nothing, an infinite loss included; one that is undefined stays NaN.
const times = (weight, loss) => (weight === 0 && isNumber(loss) ? 0 : weight * loss);

// NaN for an example with an input outside its domain, which NaN itself is too.
const inside = (ok, result) => (ok ? result : Array.isArray(result) ? result.map(() => NaN) : NaN);
const isShare = (y) => y >= 0 && y <= 1;
const isNumber = (x) => x === x;

const squared_error = {
  inputs: ["prediction", "target"],
  value: (x, y) => (x - y) * (x - y),
  gradient: {
    prediction: (x, y) => 2 * (x - y),
    target: (x, y) => -2 * (x - y),
  },
};

function huberSlope(x, y, delta) {
  return x - y >= delta ? delta : x - y <= -delta ? -delta : x - y;
}

const huber_loss = {
  inputs: ["prediction", "target"],
  value: (x, y, { delta = 1 }) => {
    // With the slope s, the residual r clipped to delta: s (r - s/2) is r²/2 or δ (|r| - δ/2).
    const slope = huberSlope(x, y, delta);
    if (Number.isFinite(x - y)) return slope * (x - y - 0.5 * slope);
    return 2 * delta * (Math.abs(0.5 * x - 0.5 * y) - 0.25 * delta);
  },
  gradient: {
    prediction: (x, y, { delta = 1 }) => huberSlope(x, y, delta),
    target: (x, y, { delta = 1 }) => -huberSlope(x, y, delta),
  },
};

const log_cosh = {
  inputs: ["prediction", "target"],
  value: (x, y) => {
    const size = Math.abs(x - y);
    // cosh² = 1 + sinh² keeps the digits of small residuals.
    if (size < 0.875) return 0.5 * Math.log1p(Math.sinh(size) ** 2);
    return size - Math.LN2 + Math.log1p(Math.exp(-2 * size));
  },
  gradient: {
    prediction: (x, y) => Math.tanh(x - y),
    target: (x, y) => Math.tanh(y - x),
  },
};

const isSide = (y) => y === 1 || y === -1;

const hinge_loss = {
  inputs: ["logits", "target"],
  value: (z, y, { margin = 1 }) => inside(isSide(y) && isNumber(z), Math.max(0, margin - y * z)),
  gradient: {
    logits: (z, y, { margin = 1 }) => inside(isSide(y) && isNumber(z), y * z < margin ? -y : 0),
  },
};

const sigmoid_binary_cross_entropy = {
  inputs: ["logits", "target"],
  value: (z, y, { pos_weight = 1 }) =>
    inside(
      isShare(y) && isNumber(z),
      times(1 - y, softplus(z)) + weighted(pos_weight, y, softplus(-z), z),
    ),
  gradient: {
    // For a hard target one of the terms is 0, and the other keeps its digits.
    logits: (z, y, { pos_weight = 1 }) =>
      inside(
        isShare(y) && isNumber(z),
        (1 - y) * sigmoid(z) - weighted(pos_weight, y, sigmoid(-z), z),
      ),
    target: (z, y, { pos_weight = 1 }) => {
      // w softplus(-z) - softplus(z), without the difference of large terms: -z where w is 1.
      const rest = Math.log1p(Math.exp(-Math.abs(z)));
      const slope = (pos_weight - 1) * rest - (z > 0 ? z : times(pos_weight, z));
      return inside(isShare(y) && isNumber(z), slope);
    },
  },
};

// weight · y · tail, where the tail is near exp(-size): none of the products may lose digits by
// falling below the smallest normal number.
function weighted(weight, y, tail, size) {
  if (weight * y === 0 && tail === Infinity) return 0;
  if (weight <= 1) return weight * (y * tail);
  if (size > 64) return Math.exp(-0.5 * size) * (weight * y) * Math.exp(-0.5 * size);
  return Number.isFinite(weight * tail) ? weight * tail * y : weight * (y * tail);
}

// The odds of each class against the leading one, and their sum without its own 1: log1p(rest)
// keeps the digits of a confident prediction, where 1 + rest would round to 1.
function softmaxParts(logits) {
  const lead = logits.indexOf(Math.max(...logits));
  const odds = logits.map((z, k) => (k === lead ? 1 : Math.exp(z - logits[lead])));
  const rest = odds.reduce((sum, x, k) => (k === lead ? sum : sum + x), 0);
  return { lead, odds, rest: logits[lead] === -Infinity ? NaN : rest };
}

// -log(p) / 2 of each class: the spread of the logits may overflow where a small weight does not
// let the loss.
function halfSurprise(logits) {
  const { lead, rest } = softmaxParts(logits);
  const gap = (z, k) => (k === lead ? 0 : 0.5 * logits[lead] - 0.5 * z);
  return logits.map((z, k) => gap(z, k) + 0.5 * Math.log1p(rest));
}

const smoothed = (target, share) => target.map((y) => (1 - share) * y + share / target.length);
const isWeight = (y) => y >= 0 && y < Infinity;

function crossEntropy(logits, weights) {
  return 2 * halfSurprise(logits).reduce((sum, half, k) => sum + times(weights[k], half), 0);
}

function crossEntropySlope(logits, weights) {
  // p_i Σw - w_i cancels for a class that is all but certain: of the leading one it is
  // p_i Σ_{j≠i} w_j - w_i (1 - p_i). Scaled, so that the sum of the weights can't overflow.
  const scale = Math.max(...weights) > 1e300 ? 2 ** -16 : 1;
  const scaled = weights.map((w) => w * scale);
  const { lead, odds, rest } = softmaxParts(logits);
  const own = scaled[lead];
  const others = scaled.reduce((sum, w, k) => (k === lead ? sum : sum + w), 0);
  return odds.map((x, k) => {
    const slope = k === lead ? (others - own * rest) / (1 + rest) : 0;
    return (k === lead ? slope : (x / (1 + rest)) * (own + others) - scaled[k]) / scale;
  });
}

const known = (logits, target) => logits.every(isNumber) && target.every(isWeight);

const softmax_cross_entropy = {
  inputs: ["logits", "target"],
  value: (z, y, { label_smoothing = 0 }) =>
    inside(known(z, y), crossEntropy(z, smoothed(y, label_smoothing))),
  gradient: {
    logits: (z, y, { label_smoothing = 0 }) =>
      inside(known(z, y), crossEntropySlope(z, smoothed(y, label_smoothing))),
    target: (z, y, { label_smoothing = 0 }) =>
      inside(
        known(z, y),
        halfSurprise(z).map((half) => times(2 * (1 - label_smoothing), half)),
      ),
  },
};

const oneHot = (logits, label) => logits.map((_, k) => (k === label ? 1 : 0));
const isLabel = (logits, label) => label >= 0 && label < logits.length;

const sparse_softmax_cross_entropy = {
  inputs: ["logits", "labels"],
  value: (z, label, { label_smoothing = 0 }) =>
    inside(
      z.every(isNumber) && isLabel(z, label),
      crossEntropy(z, smoothed(oneHot(z, label), label_smoothing)),
    ),
  gradient: {
    logits: (z, label, { label_smoothing = 0 }) =>
      inside(
        z.every(isNumber) && isLabel(z, label),
        crossEntropySlope(z, smoothed(oneHot(z, label), label_smoothing)),
      ),
  },
};

// log(p / q), from the difference where they are close and from two logarithms where the quotient
// would overflow or lose its digits.
function logRatio(p, q) {
  const ratio = p / (q + 0);
  if (ratio > 0.5 && ratio < 2) return Math.log1p((p - q) / q);
  return ratio > 1e-300 && ratio < Infinity ? Math.log(ratio) : Math.log(p) - Math.log(q);
}

// -0 is 0: it must not make the quotient another infinity.
const quotient = (p, q) => (p === 0 ? 0 : p / (q + 0));

const areShares = (q, p) => q.every(isShare) && p.every(isShare);

const kl_divergence = {
  inputs: ["prediction", "target"],
  // What is not among the parameters here is answered as unsupported: log_target, log_prediction.
  parameters: [],
  value: (q, p) =>
    inside(
      areShares(q, p),
      p.reduce((sum, pk, k) => sum + (pk === 0 ? 0 : pk * logRatio(pk, q[k])), 0),
    ),
  gradient: {
    prediction: (q, p) =>
      inside(
        areShares(q, p),
        p.map((pk, k) => -quotient(pk, q[k])),
      ),
    target: (q, p) =>
      inside(
        areShares(q, p),
        p.map((pk, k) => (pk === 0 && q[k] === 0 ? 0 : logRatio(pk, q[k]) + 1)),
      ),
  },
};

module.exports = {
  squared_error,
  huber_loss,
  log_cosh,
  hinge_loss,
  sigmoid_binary_cross_entropy,
  softmax_cross_entropy,
  sparse_softmax_cross_entropy,
  kl_divergence,
};
