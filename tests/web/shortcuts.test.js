import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Preferences } from "../../edge/web/interface/preferences.js";
import { combinationOf, refusal, ShortcutRefused, Shortcuts, shown } from "../../edge/web/interface/shortcuts.js";

const none = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
const defaults = { mute: "Mod+M", pause: "Mod+P" };

/** @type {string[]} */
let done;
/** @type {EventTarget} */
let keys;
/** @type {Preferences<{shortcuts: Record<string, string>}>} */
let preferences;
/** @type {Shortcuts} */
let shortcuts;

beforeEach(() => {
  done = [];
  keys = new EventTarget();
  preferences = new Preferences("shortcuts-test", { shortcuts: {} }, undefined);
  const handlers = { mute: () => done.push("mute"), pause: () => done.push("pause") };
  shortcuts = new Shortcuts(preferences, defaults, handlers, keys);
});

/**
 * @param {string} key
 * @param {Partial<KeyboardEvent>} [more]
 */
function press(key, more = {}) {
  const event = new Event("keydown", { cancelable: true });
  keys.dispatchEvent(Object.assign(event, { ...none, key, code: "", repeat: false, isComposing: false, ...more }));
  return event;
}

test("the key of shortcuts is Command on Apple's machines and Control elsewhere", () => {
  const m = { ...none, key: "m", code: "KeyM" };
  assert.equal(combinationOf({ ...m, metaKey: true }, true), "Mod+M");
  assert.equal(combinationOf({ ...m, ctrlKey: true }, false), "Mod+M");
  assert.equal(combinationOf({ ...m, ctrlKey: true }, true), "Ctrl+M");
});

test("a combination is what is printed on the keys, in any script and with Alt", () => {
  assert.equal(combinationOf({ ...none, key: "ь", code: "KeyM", ctrlKey: true }, false), "Mod+M");
  assert.equal(combinationOf({ ...none, key: "µ", code: "KeyM", altKey: true }, true), "Alt+M");
  // A French keyboard has its M elsewhere: the letter counts, not the place.
  assert.equal(combinationOf({ ...none, key: "m", code: "Semicolon", ctrlKey: true }, false), "Mod+M");
  assert.equal(combinationOf({ ...none, key: "+", code: "BracketRight", ctrlKey: true }, false), "Mod+Plus");
});

test("modifiers alone are not a combination yet", () => {
  assert.equal(combinationOf({ ...none, key: "Control", code: "ControlLeft", ctrlKey: true }, false), undefined);
});

test("combinations are shown as on the machine", () => {
  assert.equal(shown("Mod+M", true), "⌘M");
  assert.equal(shown("Mod+M", false), "Ctrl+M");
  assert.equal(shown("Mod+Alt+Shift+F5", true), "⌘⌥⇧F5");
  assert.equal(shown("Alt+Space", false), "Alt+Space");
});

test("what another action has, what the browser keeps and what is plain typing is refused", () => {
  assert.equal(refusal("mute", "Mod+P", defaults)?.reason, "taken");
  assert.equal(refusal("mute", "Mod+P", defaults)?.by, "pause");
  assert.equal(refusal("mute", "Mod+W", defaults)?.reason, "reserved");
  assert.equal(refusal("mute", "M", defaults)?.reason, "plain");
  assert.equal(refusal("mute", "Shift+M", defaults)?.reason, "plain");
  assert.equal(refusal("mute", "Mod+M", defaults), undefined);
  assert.equal(refusal("mute", "F8", defaults), undefined);
});

test("a shortcut does what it is for, once however long it is held, and nothing else happens", () => {
  assert.ok(press("m", { ctrlKey: true }).defaultPrevented);
  assert.ok(press("m", { ctrlKey: true, repeat: true }).defaultPrevented);
  assert.ok(!press("m").defaultPrevented);
  assert.deepEqual(done, ["mute"]);
});

test("a key that belongs to an input method is not a shortcut", () => {
  press("m", { ctrlKey: true, isComposing: true });
  assert.deepEqual(done, []);
});

test("the next combination pressed becomes the shortcut, and does nothing yet", async () => {
  const changing = shortcuts.change("mute");
  press("Control", { ctrlKey: true });
  press("k", { ctrlKey: true });
  assert.equal(await changing, "Ctrl+K");
  assert.deepEqual(done, []);
  press("k", { ctrlKey: true });
  press("m", { ctrlKey: true });
  assert.deepEqual(done, ["mute"]);
  assert.equal(shortcuts.label("mute"), "Ctrl+K");
  assert.equal(shortcuts.aria("mute"), "Control+K");
});

test("a combination that is taken is refused, and all stays as it was", async () => {
  const changing = shortcuts.change("mute");
  press("p", { ctrlKey: true });
  await assert.rejects(changing, ShortcutRefused);
  assert.equal(shortcuts.label("mute"), "Ctrl+M");
  press("p", { ctrlKey: true });
  assert.deepEqual(done, ["pause"]);
});

test("Escape leaves the shortcut as it was", async () => {
  const changing = shortcuts.change("mute");
  press("Escape");
  assert.equal(await changing, undefined);
  assert.equal(shortcuts.label("mute"), "Ctrl+M");
});

test("a second change ends the first one", async () => {
  const first = shortcuts.change("mute");
  const second = shortcuts.change("pause");
  assert.equal(await first, undefined);
  press("j", { ctrlKey: true });
  assert.equal(await second, "Ctrl+J");
});

test("two actions may swap what they have, one after the other", () => {
  shortcuts.set("mute", "Mod+K");
  shortcuts.set("pause", "Mod+M");
  shortcuts.set("mute", "Mod+P");
  press("m", { ctrlKey: true });
  press("p", { ctrlKey: true });
  assert.deepEqual(done, ["pause", "mute"]);
});

test("a change is told, kept, and undone by a reset", () => {
  let told = 0;
  shortcuts.on("change", () => told++);
  shortcuts.set("mute", "Mod+K");
  assert.equal(preferences.get("shortcuts").mute, "Mod+K");
  shortcuts.reset();
  assert.equal(shortcuts.label("mute"), "Ctrl+M");
  assert.equal(told, 2);
});

test("what was kept of actions that are no more, or is no text, is passed over", () => {
  preferences.set("shortcuts", /** @type {any} */ ({ gone: "Mod+M", mute: 7 }));
  assert.deepEqual(shortcuts.present, defaults);
});

test("after close nothing is heard", () => {
  shortcuts.close();
  press("m", { ctrlKey: true });
  assert.deepEqual(done, []);
});
