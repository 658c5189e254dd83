// The colours of style.css by WCAG's own formula: text 4.5:1, what one sees controls by 3:1, in every scheme.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("../../edge/web/style.css", import.meta.url), "utf-8");

/** @param {string} selector the first block of which is read */
function tokens(selector) {
  const start = css.indexOf(`${selector} {`);
  assert.ok(start >= 0, selector);
  const block = css.slice(start, css.indexOf("}", start));
  return Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((found) => [found[1], found[2]]));
}

const light = tokens(":root");
const schemes = {
  light,
  dark: { ...light, ...tokens(':root:not([data-theme="light"])') },
  "more contrast": { ...light, ...tokens(':root[data-contrast="more"]') },
};

/** @param {string} colour */
function luminance(colour) {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * @param {string} one
 * @param {string} other
 */
function contrast(one, other) {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const surfaces = ["ground", "surface", "sunken"];
const soft = ["accent-soft", "good-soft", "warn-soft", "bad-soft"];
/** @type {[string, string, number][]} text or mark, what it is on, the least contrast */
const pairs = [
  .../** @type {[string, string, number][]} */ (
    ["ink", "muted", "accent", "accent-strong", "bad"].flatMap((text) => surfaces.map((on) => [text, on, 4.5]))
  ),
  .../** @type {[string, string, number][]} */ (soft.map((on) => ["ink", on, 4.5])),
  ["good", "ground", 4.5],
  ["good", "surface", 4.5],
  ["warn", "ground", 4.5],
  ["warn", "surface", 4.5],
  ["good", "good-soft", 4.5],
  ["warn", "warn-soft", 4.5],
  ["bad", "bad-soft", 4.5],
  ["accent", "accent-soft", 4.5],
  ["muted", "accent-soft", 4.5],
  ["on-accent", "accent", 4.5],
  ["on-accent", "accent-strong", 4.5],
  ["on-bad", "bad", 4.5],
  ["on-bad", "bad-strong", 4.5],
  ["spark", "ground", 4.5],
  ["spark", "surface", 4.5],
  .../** @type {[string, string, number][]} */ (surfaces.map((on) => ["edge", on, 3])),
];

for (const [name, scheme] of Object.entries(schemes)) {
  test(`all can be read in the scheme: ${name}`, () => {
    for (const [mark, on, least] of pairs) {
      const measured = contrast(scheme[mark] ?? "", scheme[on] ?? "");
      assert.ok(measured >= least, `${mark} on ${on}: ${measured.toFixed(2)} of ${least}`);
    }
  });
}

test("who chose dark sees what a dark device shows", () => {
  assert.deepEqual(tokens(':root[data-theme="dark"]'), tokens(':root:not([data-theme="light"])'));
});

test("black and white have the most contrast there is", () => {
  assert.equal(contrast("#000000", "#ffffff").toFixed(1), "21.0");
});
