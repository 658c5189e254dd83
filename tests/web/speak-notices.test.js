import assert from "node:assert/strict";
import { test } from "node:test";
import { Notices, SHOWN_MS } from "../../edge/web/pages/speak/notices.js";

/** @param {Notices} notices */
const shown = (notices) => notices.current.map(({ key, level, words }) => [key, level, words]);

test("a flaw stands once until it is over", () => {
  const notices = new Notices();
  const warning = { issue: "clipping", advice: "lower it" };
  notices.warned(warning);
  notices.warned({ issue: "silence", advice: "" });
  notices.warned(warning);
  notices.tick(1e12);
  assert.deepEqual(shown(notices), [
    ["quality:clipping", "warning", "quality.clipping"],
    ["quality:silence", "warning", "quality.silence"],
  ]);
  notices.cleared({ issue: "clipping" });
  assert.deepEqual(shown(notices), [["quality:silence", "warning", "quality.silence"]]);
});

test("a flaw that this page does not know is told by the server's advice", () => {
  const notices = new Notices();
  notices.warned({ issue: "wind", advice: "Turn your back to it." });
  assert.deepEqual(notices.current[0].values, { advice: "Turn your back to it." });
  assert.equal(notices.current[0].words, "quality.other");
});

test("a trouble stands until it is said to be over, and then for a while that all works again", () => {
  const notices = new Notices();
  notices.troubled({ code: "ENGINE_CHANGED", message: "" }, 0);
  notices.troubled({ code: "SERVICE_UNAVAILABLE", message: "" }, 0);
  notices.tick(1e12);
  assert.deepEqual(shown(notices), [
    ["trouble:ENGINE_CHANGED", "warning", "ENGINE_CHANGED"],
    ["trouble:SERVICE_UNAVAILABLE", "trouble", "SERVICE_UNAVAILABLE"],
  ]);
  notices.recovered({ code: "SERVICE_UNAVAILABLE" }, 1_000);
  assert.deepEqual(shown(notices).at(-1), ["recovered", "good", "trouble.recovered"]);
  notices.tick(1_000 + SHOWN_MS - 1);
  assert.equal(notices.current.length, 2);
  notices.tick(1_000 + SHOWN_MS);
  assert.deepEqual(shown(notices), [["trouble:ENGINE_CHANGED", "warning", "ENGINE_CHANGED"]]);
});

test("a recovery of what was never told says nothing", () => {
  const notices = new Notices();
  notices.recovered({ code: "SERVICE_UNAVAILABLE" }, 0);
  assert.deepEqual(notices.current, []);
});

test("what is lost is added up while it is shown, and goes by itself", () => {
  const notices = new Notices();
  notices.lost(1.25, 0);
  notices.lost(2, 100);
  assert.equal(notices.current[0].values.seconds, 3.3);
  notices.troubled({ code: "AUDIO_DROPPED", message: "" }, 100);
  assert.equal(notices.current[1].level, "lost");
  notices.tick(100 + SHOWN_MS);
  assert.deepEqual(notices.current, []);
});

test("any other matter stands until it is over, or for a while where a time is given", () => {
  const notices = new Notices();
  notices.say("sound.unplugged", "trouble");
  notices.say("common.back", "good", 0);
  notices.tick(SHOWN_MS);
  assert.deepEqual(shown(notices), [["sound.unplugged", "trouble", "sound.unplugged"]]);
  notices.over("sound.unplugged");
  assert.deepEqual(notices.current, []);
});
