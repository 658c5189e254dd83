import assert from "node:assert/strict";
import { test } from "node:test";
import { inOrder, preselected } from "../../edge/web/pages/listen/choosing.js";

test("the phone's languages come first in the phone's order, the others by name", () => {
  const shown = inOrder(["pt", "fr", "es", "de", "ca"], ["fr-CH", "de", "fr"], "en").map(({ code }) => code);
  assert.deepEqual(shown, ["fr", "de", "ca", "es", "pt"]);
});

test("each language is offered once and under its own name", () => {
  const shown = inOrder(["es", "pt"], ["es-MX", "es"], "en");
  assert.deepEqual(
    shown.map(({ autonym }) => autonym),
    ["Español", "Português"],
  );
});

test("the language heard last time is chosen before the phone's own", () => {
  assert.equal(preselected(["es", "fr", "pt"], ["es-MX"], "pt"), "pt");
  assert.equal(preselected(["es", "fr", "pt"], ["es-MX"], ""), "es");
});

test("a language heard last time that is not offered now does not hinder", () => {
  assert.equal(preselected(["es", "fr"], ["fr"], "gl"), "fr");
});

test("one tap is enough for a phone whose language is not offered, too", () => {
  assert.equal(preselected(["ca", "es"], ["tlh"], ""), "ca");
  assert.equal(preselected([], ["es"], ""), undefined);
});
