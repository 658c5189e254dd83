import assert from "node:assert/strict";
import { test } from "node:test";
import { browserOf } from "../../edge/web/pages/speak/microphone-help.js";
import { audienceOf, clock, stageOf } from "../../edge/web/pages/speak/stage.js";
import { read } from "../../edge/web/pages/speak/talk.js";

/** @type {import("../../edge/web/pages/speak/stage.js").Standing} */
const LIVE = {
  opened: true,
  connection: "open",
  paused: false,
  muted: false,
  volume: 1,
  sourceLost: false,
  ending: false,
  ended: false,
};

test("who is cut off reads neither LIVE nor what they had chosen", () => {
  assert.equal(stageOf(LIVE), "live");
  for (const chosen of [{}, { paused: true }, { muted: true }, { sourceLost: true }]) {
    assert.equal(stageOf({ ...LIVE, ...chosen, connection: "waiting" }), "waiting");
    assert.equal(stageOf({ ...LIVE, ...chosen, connection: "connecting" }), "waiting");
    assert.equal(stageOf({ ...LIVE, ...chosen, connection: "offline" }), "offline");
  }
  assert.equal(stageOf({ ...LIVE, opened: false, connection: "waiting" }), "opening");
});

test("what the speaker chose comes before what the microphone does", () => {
  assert.equal(stageOf({ ...LIVE, sourceLost: true }), "silent");
  assert.equal(stageOf({ ...LIVE, sourceLost: true, muted: true }), "muted");
  assert.equal(stageOf({ ...LIVE, muted: true, paused: true }), "paused");
  assert.equal(stageOf({ ...LIVE, volume: 0 }), "muted");
});

test("an end is an end, whatever the connection does", () => {
  assert.equal(stageOf({ ...LIVE, ending: true, connection: "waiting" }), "ending");
  assert.equal(stageOf({ ...LIVE, ending: true, ended: true, connection: "closed" }), "ended");
});

test("a clock shows hours only where there are some", () => {
  assert.deepEqual([-1, 0, 59.9, 65, 3600, 36_061].map(clock), ["0:00", "0:00", "0:59", "1:05", "1:00:00", "10:01:01"]);
});

test("languages that most listen in stand first, and those that nobody does nowhere", () => {
  const status = { languageDistribution: { pt: 2, es: 7, fr: 2, ca: 0 }, lag: { es: 1.8, ca: 2 } };
  assert.deepEqual(audienceOf(status), [
    { language: "es", count: 7, lag: 1.8 },
    { language: "fr", count: 2, lag: undefined },
    { language: "pt", count: 2, lag: undefined },
  ]);
});

test("a talk is remembered for a while, and nothing else is taken for one", () => {
  const kept = { sessionId: "faithful-shepherd-427", joinUrl: "u", sourceLanguage: "en", startedAt: 5, seenAt: 1_000 };
  assert.deepEqual(read(JSON.stringify(kept), 60_000), kept);
  assert.equal(read(JSON.stringify(kept), 3_600_000), undefined);
  for (const text of [null, "null", "{}", '{"sessionId":5,"seenAt":1}']) assert.equal(read(text, 2), undefined);
  assert.deepEqual(read('{"sessionId":"a","seenAt":1}', 2), {
    sessionId: "a",
    joinUrl: "",
    sourceLanguage: "",
    startedAt: 2,
    seenAt: 1,
  });
});

test("the way to the permission is that of the browser at hand", () => {
  const of = {
    chrome: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    safari: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
    firefox: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ios: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
    android: "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
  };
  for (const [name, agent] of Object.entries(of)) assert.equal(browserOf(agent), name);
});
