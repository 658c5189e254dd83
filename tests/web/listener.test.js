import assert from "node:assert/strict";
import test from "node:test";
import { Listener } from "../../edge/web/client/listener.js";
import { heard, settled, World } from "./world.js";

const ORIGIN = "http://lingocast.example";
const STATE = { isActive: true, isPaused: false, isMuted: false, volume: 1, lastStateChange: 0 };
const EVENTS = "joined caption cueStart audio cueEnd state languageChanged ended connection problem".split(" ");

/** @param {string} connectionId @param {object} [more] */
const joined = (connectionId, more = {}) => ({
  type: "sessionJoined",
  sessionId: "faithful-shepherd-427",
  sourceLanguage: "en",
  targetLanguage: "es",
  connectionId,
  listenerCount: 1,
  qualityTier: "standard",
  broadcastState: STATE,
  ...more,
});
/** @param {string} newConnectionId @param {string} [targetLanguage] */
const refreshed = (newConnectionId, targetLanguage = "es") => [
  {
    type: "connectionRefreshComplete",
    sessionId: "faithful-shepherd-427",
    newConnectionId,
    role: "listener",
    targetLanguage,
  },
  { type: "stateRestored", broadcastState: STATE },
];
/** @param {string} code @param {number} status @param {object} [more] */
const error = (code, status, more = {}) => ({
  type: "error",
  code,
  status,
  message: "oh",
  correlationId: "c",
  timestamp: 0,
  ...more,
});
/** @param {number} segmentId @param {string} [language] */
const cue = (segmentId, language = "es") => {
  const cueId = `${segmentId}-${language}`;
  const span = { startMs: segmentId * 1000, endMs: segmentId * 1000 + 500 };
  return [
    { type: "cueStart", cueId, segmentId, language, sampleRate: 16_000, tempo: 1, ...span },
    { type: "cueEnd", cueId, durationMs: 20 },
  ];
};
/** @param {import("./world.js").FakeSocket} socket @param {number} segmentId @param {string} [language] */
const speak = (socket, segmentId, language) => {
  const [start, end] = cue(segmentId, language);
  socket.say(start);
  socket.audio(new Uint8Array(640).fill(segmentId));
  socket.say(end);
};

/** @param {Partial<import("../../edge/web/client/listener.js").ListenerOptions>} [options] */
function made(options = {}) {
  const world = new World();
  const listener = new Listener(ORIGIN, "faithful-shepherd-427", {
    language: "es",
    surroundings: world.surroundings,
    ...options,
  });
  return { world, listener, told: heard(listener, EVENTS) };
}

/** @param {Partial<import("../../edge/web/client/listener.js").ListenerOptions>} [options] */
async function open(options = {}) {
  const all = made(options);
  const opening = all.listener.open();
  await settled();
  all.world.last.say(joined("a1"));
  await opening;
  return all;
}

test("joining tells what the server said, and asks for what was chosen", async () => {
  const { world, listener, told } = await open({ pin: "1234", captions: "source", audio: "off" });
  assert.deepEqual(world.last.query, {
    action: "joinSession",
    sessionId: "faithful-shepherd-427",
    targetLanguage: "es",
    pin: "1234",
    captions: "source",
    audio: "off",
  });
  assert.equal(told.of("joined")[0].sourceLanguage, "en");
  assert.equal(listener.language, "es");
  assert.deepEqual(told.of("connection"), [{ status: "connecting" }, { status: "open" }]);
  await listener.close();
});

test("a refusal ends the attempt and says why", async () => {
  const { world, listener, told } = made();
  const opening = listener.open();
  await settled();
  world.last.say(error("UNSUPPORTED_LANGUAGE", 400, { languages: ["es", "pt"] }));
  await assert.rejects(opening, { code: "UNSUPPORTED_LANGUAGE", languages: ["es", "pt"] });
  assert.equal(told.of("connection").at(-1).problem.code, "UNSUPPORTED_LANGUAGE");
  assert.deepEqual([world.timers, world.watchers.size], [[], 0]);
});

test("a full session is asked again when it said, or when somebody wants it now", async () => {
  const { world, listener, told } = made();
  const opening = listener.open();
  await settled();
  world.last.say(error("SESSION_FULL", 503, { retryAfter: 30 }));
  await settled();
  const waiting = told.of("connection").at(-1);
  assert.deepEqual(
    [waiting.status, waiting.problem.code, waiting.retryAt],
    ["waiting", "SESSION_FULL", world.now + 30_000],
  );
  await world.pass(29_999);
  assert.equal(world.sockets.length, 1);
  listener.retryNow();
  await settled();
  assert.equal(world.sockets.length, 2);
  world.last.say(joined("a1"));
  await opening;
  await listener.close();
});

test("a server that cannot be reached is tried again and again, more and more seldom", async () => {
  const { world, listener, told } = made();
  const opening = listener.open().catch((problem) => problem.code);
  const waits = [];
  for (let attempt = 0; attempt < 7; attempt += 1) {
    await settled();
    world.last.drop();
    await settled();
    const wait = told.of("connection").at(-1).retryAt - world.now;
    waits.push(wait);
    await world.pass(wait);
    assert.equal(world.sockets.length, attempt + 2);
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  await listener.close();
  assert.equal(await opening, "CLOSED");
  assert.deepEqual(world.timers, []);
});

test("a server that takes the connection and says nothing is given up after ten seconds", async () => {
  const { world, listener, told } = made();
  const opening = listener.open().catch((problem) => problem.code);
  await world.pass(10_000);
  assert.equal(told.of("connection").at(-1).problem.code, "NO_ANSWER");
  await listener.close();
  assert.equal(await opening, "CLOSED");
});

test("a loss is mended with the secret id and the last cue", async () => {
  const { world, listener, told } = await open();
  speak(world.last, 1);
  world.last.drop();
  await settled();
  assert.equal(told.of("connection").at(-1).problem.code, "CONNECTION_LOST");
  await world.pass(1000);
  assert.deepEqual(world.last.query, {
    action: "refreshConnection",
    role: "listener",
    sessionId: "faithful-shepherd-427",
    targetLanguage: "es",
    connectionId: "a1",
    lastCue: "1-es",
  });
  world.last.say(...refreshed("a2"));
  await settled();
  speak(world.last, 2);
  assert.deepEqual(
    told.of("cueEnd").map((end) => end.cueId),
    ["1-es", "2-es"],
  );
  assert.equal(listener.memory.connectionId, "a2");
  await listener.close();
});

test("a place that is not there any more is asked for as a new one, after what was heard", async () => {
  const { world, listener } = await open();
  speak(world.last, 1);
  world.last.drop();
  await world.pass(1000);
  world.last.say(error("CONFLICT", 409));
  await settled();
  assert.deepEqual([world.last.query.connectionId, world.last.query.lastCue], [undefined, "1-es"]);
  assert.equal(world.last.query.action, "refreshConnection");
  await listener.close();
});

test("who was told goodbye does not ask for the old place, and who had heard nothing joins", async () => {
  const { world, listener } = await open();
  world.last.drop(1001);
  await world.pass(1000);
  assert.equal(world.last.query.action, "joinSession");
  await listener.close();
});

test("a refresh in peace loses nothing, repeats nothing, and is nobody's business", async () => {
  const { world, listener, told } = await open();
  const old = world.last;
  speak(old, 1);
  old.say(cue(2)[0]);
  old.audio(new Uint8Array(320).fill(2));
  old.say({ type: "connectionRefreshRequired", refreshBy: 0 });
  await settled();
  const next = world.last;
  assert.notEqual(next, old);
  next.say(...refreshed("a2"));
  await settled();
  // What the new one brings waits until the old one is at its end.
  speak(next, 2);
  old.audio(new Uint8Array(160).fill(2));
  assert.equal(told.of("cueEnd").length, 1);
  old.drop(1000);
  await settled();
  assert.deepEqual(
    told.of("cueEnd").map((end) => [end.cueId, end.cut]),
    [
      ["1-es", false],
      ["2-es", false],
    ],
  );
  assert.equal(
    told.of("audio").reduce((sum, audio) => sum + audio.samples.length, 0),
    640,
  );
  assert.deepEqual(told.of("connection"), [{ status: "connecting" }, { status: "open" }]);
  await listener.close();
  assert.deepEqual(world.timers, []);
});

test("an old connection that does not end is left after five seconds", async () => {
  const { world, listener, told } = await open();
  world.last.say({ type: "connectionRefreshRequired", refreshBy: 0 });
  await settled();
  world.last.say(...refreshed("a2"));
  speak(world.last, 1);
  await world.pass(4_999);
  assert.equal(told.of("cueEnd").length, 0);
  await world.pass(1);
  assert.equal(told.of("cueEnd").length, 1);
  await listener.close();
});

test("a refresh that is refused for now is tried again while the old one lives, and at once when that is gone", async () => {
  const { world, listener, told } = await open();
  const old = world.last;
  old.say({ type: "connectionRefreshRequired", refreshBy: 0 });
  await settled();
  world.last.say(error("SERVICE_UNAVAILABLE", 503, { retryAfter: 20 }));
  await settled();
  assert.equal(told.of("connection").at(-1).status, "open");
  const before = world.sockets.length;
  old.drop(1001);
  await settled();
  assert.equal(world.sockets.length, before + 1);
  world.last.say(joined("a2"));
  await settled();
  assert.equal(told.of("connection").at(-1).status, "open");
  await listener.close();
});

test("silence of 75 s is a loss, and heartbeats keep the server from it", async () => {
  const { world, listener, told } = await open();
  const socket = world.last;
  await world.pass(74_999);
  assert.equal(socket.asked("heartbeat").length, 2);
  assert.equal(told.of("connection").at(-1).status, "open");
  await world.pass(1);
  assert.equal(told.of("connection").at(-1).status, "waiting");
  await listener.close();
});

test("a phone that slept asks whether its connection lives", async () => {
  const { world, listener, told } = await open();
  const socket = world.last;
  world.sleep(600_000);
  await world.pass();
  assert.equal(socket.asked("heartbeat").length, 1);
  assert.equal(told.of("connection").at(-1).status, "open");
  await world.pass(10_000);
  assert.equal(told.of("connection").at(-1).status, "waiting");
  await listener.close();
});

test("without a network it waits for one, and then does not wait longer", async () => {
  const { world, listener, told } = await open();
  world.network(false);
  world.last.drop();
  await settled();
  assert.equal(told.of("connection").at(-1).status, "offline");
  const before = world.sockets.length;
  await world.pass(5_000);
  assert.equal(world.sockets.length, before);
  world.network(true);
  await world.pass();
  assert.equal(world.sockets.length, before + 1);
  await listener.close();
});

test("a language is changed when the server says so", async () => {
  const { world, listener, told } = await open();
  const changing = listener.changeLanguage("pt-BR");
  assert.deepEqual(world.last.asked("changeLanguage"), [{ action: "changeLanguage", targetLanguage: "pt-BR" }]);
  assert.equal(listener.language, "es");
  world.last.say({ type: "languageChanged", targetLanguage: "pt" });
  await changing;
  assert.deepEqual(told.of("languageChanged"), [{ language: "pt" }]);
  world.last.drop();
  await world.pass(1000);
  assert.equal(world.last.query.targetLanguage, "pt");
  await listener.close();
});

test("a language that is refused changes nothing, now or later", async () => {
  const { world, listener, told } = await open();
  const changing = listener.changeLanguage("ja");
  world.last.say(error("UNSUPPORTED_LANGUAGE", 400, { languages: ["es"] }));
  await assert.rejects(changing, { code: "UNSUPPORTED_LANGUAGE" });
  assert.deepEqual(told.of("problem"), []);
  world.last.drop();
  await world.pass(1000);
  assert.equal(world.last.query.targetLanguage, "es");
  await listener.close();
});

test("a language wanted while nobody hears it is asked for with the next connection", async () => {
  const { world, listener, told } = await open();
  speak(world.last, 1);
  world.last.drop();
  await settled();
  const changing = listener.changeLanguage("pt");
  await world.pass(1000);
  assert.deepEqual([world.last.query.targetLanguage, world.last.query.lastCue], ["pt", undefined]);
  world.last.say(...refreshed("a2", "pt"));
  await settled();
  assert.deepEqual(told.of("languageChanged"), [{ language: "pt" }]);
  world.last.say({ type: "languageChanged", targetLanguage: "pt" });
  await changing;
  assert.equal(told.of("languageChanged").length, 1);
  await listener.close();
});

test("a language that the next connection is refused for is given back", async () => {
  const { world, listener } = await open();
  world.last.drop();
  await settled();
  const changing = listener.changeLanguage("ja");
  await Promise.all([
    assert.rejects(changing, { code: "UNSUPPORTED_LANGUAGE" }),
    (async () => {
      await world.pass(1000);
      world.last.say(error("UNSUPPORTED_LANGUAGE", 400));
      await settled();
    })(),
  ]);
  assert.equal(world.last.query.targetLanguage, "es");
  await listener.close();
});

test("a language changed while the next connection was already on its way is changed there too", async () => {
  const { world, listener, told } = await open();
  const old = world.last;
  old.say({ type: "connectionRefreshRequired", refreshBy: 0 });
  await settled();
  const next = world.last;
  assert.equal(next.query.targetLanguage, "es");
  const changing = listener.changeLanguage("pt");
  old.say({ type: "languageChanged", targetLanguage: "pt" });
  await changing;
  next.say(...refreshed("a2", "es"));
  await settled();
  old.drop(1000);
  await settled();
  assert.deepEqual(next.asked("changeLanguage"), [{ action: "changeLanguage", targetLanguage: "pt" }]);
  next.say({ type: "languageChanged", targetLanguage: "pt" });
  assert.deepEqual([listener.language, told.of("languageChanged")], ["pt", [{ language: "pt" }]]);
  await listener.close();
});

test("a question that got no answer is asked again on the next connection", async () => {
  const { world, listener } = await open();
  const pausing = listener.pausePlayback();
  world.last.drop();
  await world.pass(1000);
  world.last.say(...refreshed("a2"));
  await settled();
  assert.equal(world.last.asked("pausePlayback").length, 1);
  world.last.say({ type: "playbackPaused" });
  await pausing;
  await listener.close();
});

test("a question that nobody answers is given up", async () => {
  const { world, listener } = await open();
  const pausing = assert.rejects(listener.pausePlayback(), { code: "NO_ANSWER" });
  await world.pass(10_000);
  await pausing;
  await listener.close();
});

test("a session that ends is told once, then the connection is closed", async () => {
  const { world, told } = await open();
  world.last.say({ type: "sessionEnded", sessionId: "faithful-shepherd-427", reason: "speaker" });
  world.last.drop(4000);
  await settled();
  assert.deepEqual(told.events.slice(-2), [
    ["ended", { reason: "speaker" }],
    ["connection", { status: "closed", problem: undefined }],
  ]);
  assert.deepEqual(world.timers, []);
});

test("a session that is gone when one comes back has ended", async () => {
  const { world, listener, told } = await open();
  world.last.drop();
  await world.pass(1000);
  world.last.say(error("SESSION_NOT_FOUND", 404));
  await settled();
  assert.deepEqual(told.events.slice(-2), [
    ["ended", { reason: "while_away" }],
    ["connection", { status: "closed" }],
  ]);
  await assert.rejects(listener.pausePlayback(), { code: "CLOSED" });
});

test("who leaves hears nothing more", async () => {
  const { world, listener, told } = await open();
  const socket = world.last;
  await listener.close();
  assert.equal(socket.readyState, 3);
  socket.say({ type: "sessionEnded", reason: "speaker" });
  await settled();
  assert.deepEqual(told.of("ended"), []);
  assert.deepEqual(told.of("connection").at(-1), { status: "closed", problem: undefined });
  assert.deepEqual([world.timers, world.watchers.size], [[], 0]);
});

test("another connection that took the place is no loss", async () => {
  const { world, told } = await open();
  world.last.drop(1000);
  await world.pass(60_000);
  assert.equal(world.sockets.length, 1);
  assert.equal(told.of("connection").at(-1).problem.code, "REPLACED");
});

test("a page that was loaded again asks for its place, then for what it missed", async () => {
  const { world, listener, told } = made({
    resume: { connectionId: "a9", lastCue: "7-es", language: "es", sourceLanguage: "en", at: 1_000_000 },
  });
  const opening = listener.open();
  await settled();
  assert.deepEqual([world.last.query.connectionId, world.last.query.lastCue], ["a9", "7-es"]);
  world.last.say(error("CONFLICT", 409));
  await settled();
  assert.deepEqual([world.last.query.connectionId, world.last.query.lastCue], [undefined, "7-es"]);
  world.last.say(...refreshed("b1"));
  assert.equal((await opening).sourceLanguage, "en");
  assert.equal(told.of("joined").length, 1);
  await listener.close();
});

test("an old memory, and one of another language, help nobody", async () => {
  for (const memory of [{ at: 0 }, { at: 1_000_000, language: "pt", connectionId: "" }]) {
    const { world, listener } = made({ resume: { connectionId: "a9", lastCue: "7-es", ...memory } });
    const opening = listener.open().catch(() => {});
    await settled();
    assert.equal(world.last.query.action, "joinSession");
    await listener.close();
    await opening;
  }
});
