import assert from "node:assert/strict";
import { test } from "node:test";
import { standing } from "../../edge/web/pages/listen/standing.js";

const NOW = 1_700_000_000_000;
const SWITCHES = { isActive: true, isPaused: false, isMuted: false, volume: 1 };

/** @param {Partial<import("../../edge/web/pages/listen/standing.js").Facts>} facts */
function told(facts) {
  return standing(
    {
      connection: "open",
      broadcast: SWITCHES,
      ended: false,
      silent: false,
      interrupted: false,
      paused: false,
      heard: true,
      ...facts,
    },
    NOW,
  );
}

test("while all is well the line says so, calmly", () => {
  assert.deepEqual(told({}), { key: "standing.live", tone: "calm" });
});

test("before the first word the listener is told that the speaker is waited for", () => {
  assert.equal(told({ heard: false }).key, "standing.quiet");
});

test("a lost connection is told before anything that was known through it", () => {
  const line = told({ connection: "waiting", retryAt: NOW + 4_200, broadcast: { ...SWITCHES, isPaused: true } });
  assert.deepEqual(line, { key: "standing.waiting", tone: "trouble", values: { count: 5 }, action: "retry" });
});

test("what is more than a lost connection is told with the countdown", () => {
  const line = told({ connection: "waiting", retryAt: NOW + 1_000, reason: "The session is full." });
  assert.deepEqual([line.key, line.values], ["standing.because", { reason: "The session is full.", count: 1 }]);
});

test("a countdown that is over says that it is tried now", () => {
  assert.equal(told({ connection: "waiting", retryAt: NOW - 10 }).key, "standing.reconnecting");
  assert.equal(told({ connection: "waiting" }).key, "standing.reconnecting");
});

test("a first connection is not called a second one", () => {
  assert.equal(told({ connection: "connecting", heard: false }).key, "standing.connecting");
  assert.equal(told({ connection: "connecting" }).key, "standing.reconnecting");
});

test("the end is told even when the connection has gone with it", () => {
  assert.deepEqual(told({ ended: true, connection: "closed" }), { key: "standing.ended", tone: "calm" });
});

test("the listener's own pause is told before the speaker's", () => {
  const line = told({ paused: true, broadcast: { ...SWITCHES, isPaused: true } });
  assert.deepEqual(line, { key: "standing.paused", tone: "notice", action: "resume" });
});

test("a pause of the plain stream promises nothing that it does not keep", () => {
  assert.equal(told({ paused: true, stream: true }).key, "standing.pausedStream");
});

test("a new language that has not begun is told, unless the speaker is silent", () => {
  assert.equal(told({ switching: "Français" }).key, "standing.switching");
  assert.equal(told({ switching: "Français", broadcast: { ...SWITCHES, isMuted: true } }).key, "standing.muted");
});

test("each of the speaker's switches has words of its own", () => {
  assert.equal(told({ broadcast: { ...SWITCHES, isActive: false } }).key, "standing.away");
  assert.equal(told({ broadcast: { ...SWITCHES, isPaused: true } }).key, "standing.speakerPaused");
  assert.equal(told({ broadcast: { ...SWITCHES, isMuted: true } }).key, "standing.muted");
  assert.equal(told({ broadcast: { ...SWITCHES, volume: 0 } }).key, "standing.muted");
});

test("after a reload the tap that sound needs is asked for", () => {
  assert.deepEqual(told({ silent: true }), { key: "standing.silent", tone: "notice", action: "sound" });
});

test("a language that fails is named", () => {
  assert.deepEqual(told({ unavailable: "español" }).values, { language: "español" });
});
