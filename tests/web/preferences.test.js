import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { Preferences } from "../../edge/web/interface/preferences.js";

const defaults = { size: 1, theme: "", names: /** @type {string[]} */ ([]) };
/** @type {Preferences<any>[]} */
const opened = [];

/** @param {Record<string, string>} [kept] */
function storage(kept = {}) {
  const map = new Map(Object.entries(kept));
  return {
    getItem: (/** @type {string} */ key) => map.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void map.set(key, value),
    removeItem: (/** @type {string} */ key) => void map.delete(key),
    map,
  };
}

/** @param {import("../../edge/web/interface/preferences.js").Store} [store] */
function preferences(store = storage()) {
  const made = new Preferences("test", defaults, store);
  opened.push(made);
  return made;
}

afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

test("what was chosen is there after the next load", () => {
  const store = storage();
  preferences(store).set("size", 2);
  assert.equal(preferences(store).get("size"), 2);
  assert.equal(preferences(store).get("theme"), "");
});

test("a reset forgets all and leaves nothing behind", () => {
  const store = storage();
  const chosen = preferences(store);
  chosen.set("size", 2);
  chosen.reset();
  assert.equal(chosen.get("size"), 1);
  assert.equal(store.map.size, 0);
});

test("each change is told once, with its key, until that is ended", () => {
  const chosen = preferences();
  const told = /** @type {string[]} */ ([]);
  const off = chosen.on("change", (key) => told.push(key));
  chosen.set("size", 2);
  chosen.set("size", 2);
  chosen.set("names", ["a"]);
  chosen.set("names", ["a"]);
  chosen.reset();
  off();
  chosen.set("size", 3);
  assert.deepEqual(told, ["size", "names", "size", "names"]);
});

for (const kept of ["nonsense", "null", "[1]", '"text"', '{"size":"2"}', '{"size":null}', '{"names":{}}', '{"other":1}']) {
  test(`what somebody else left there (${kept}) is not believed`, () => {
    const chosen = preferences(storage({ "lingocast.test": kept }));
    assert.deepEqual([chosen.get("size"), chosen.get("theme"), chosen.get("names")], [1, "", []]);
  });
}

test("where nothing can be kept, it holds for the page", () => {
  const refusing = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  const chosen = preferences({ getItem: refusing, setItem: refusing, removeItem: refusing });
  chosen.set("size", 2);
  assert.equal(chosen.get("size"), 2);
  chosen.reset();
  assert.equal(chosen.get("size"), 1);
});

test("what another tab chose holds here too", () => {
  const store = storage();
  const target = new EventTarget();
  const { addEventListener, removeEventListener } = globalThis;
  globalThis.addEventListener = target.addEventListener.bind(target);
  globalThis.removeEventListener = target.removeEventListener.bind(target);
  try {
    const here = preferences(store);
    const told = /** @type {string[]} */ ([]);
    here.on("change", (key) => told.push(key));
    preferences(store).set("size", 5);
    target.dispatchEvent(Object.assign(new Event("storage"), { key: "lingocast.other" }));
    assert.equal(here.get("size"), 1);
    target.dispatchEvent(Object.assign(new Event("storage"), { key: "lingocast.test" }));
    assert.equal(here.get("size"), 5);
    assert.deepEqual(told, ["size"]);
    here.close();
  } finally {
    Object.assign(globalThis, { addEventListener, removeEventListener });
  }
});
