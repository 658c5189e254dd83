import assert from "node:assert/strict";
import test from "node:test";
import { Speaker } from "../../edge/web/client/speaker.js";
import { heard, settled, World } from "./world.js";

const ORIGIN = "http://lingocast.example";
const STATE = { isActive: true, isPaused: true, isMuted: false, volume: 1, lastStateChange: 0 };
const EVENTS = "created sourceCaption status state glossaryAccepted lost ended connection problem".split(" ");
const CREATED = {
  type: "sessionCreated",
  sessionId: "faithful-shepherd-427",
  sourceLanguage: "en",
  qualityTier: "standard",
  connectionId: "s1",
  expiresAt: 5,
  joinUrl: "http://lingocast.example/s/faithful-shepherd-427",
};
/** @param {string} newConnectionId */
const refreshed = (newConnectionId) => [
  { type: "connectionRefreshComplete", sessionId: "faithful-shepherd-427", newConnectionId, role: "speaker" },
  { type: "stateRestored", broadcastState: STATE },
];
/** @param {string} code @param {number} status */
const error = (code, status) => ({ type: "error", code, status, message: "oh", correlationId: "c", timestamp: 0 });

/** @param {Partial<import("../../edge/web/client/speaker.js").SpeakerOptions>} [options] @param {import("../../edge/web/client/speaker.js").TokenSource} [token] */
function made(options = {}, token = "jwt") {
  const world = new World();
  const speaker = new Speaker(ORIGIN, token, { sourceLanguage: "en", surroundings: world.surroundings, ...options });
  return { world, speaker, told: heard(speaker, EVENTS) };
}

/** @param {Partial<import("../../edge/web/client/speaker.js").SpeakerOptions>} [options] */
async function open(options = {}) {
  const all = made(options);
  const opening = all.speaker.open();
  await settled();
  all.world.last.say(CREATED);
  await opening;
  return all;
}

/** @param {import("./world.js").FakeSocket} socket */
const spoken = (socket) => socket.sent.filter((message) => message instanceof Uint8Array);

test("a session is opened with what was chosen", async () => {
  const { world, speaker, told } = await open({
    qualityTier: "premium",
    pin: "1",
    partialResults: false,
    glossary: [{ source: "Eb" }],
  });
  assert.deepEqual(world.last.query, {
    action: "createSession",
    sourceLanguage: "en",
    token: "jwt",
    qualityTier: "premium",
    pin: "1",
    partialResults: "false",
    glossary: '[{"source":"Eb"}]',
  });
  const { type: _, connectionId: __, ...created } = CREATED;
  assert.deepEqual(told.of("created"), [created]);
  assert.equal(speaker.sessionId, "faithful-shepherd-427");
  speaker.close();
  assert.deepEqual(world.timers, []);
});

test("a glossary that no address has room for is set on the open connection", async () => {
  const glossary = Array.from({ length: 200 }, (_, index) => ({ source: `term ${index}` }));
  const { world, speaker } = await open({ glossary });
  assert.equal(world.last.query.glossary, undefined);
  assert.equal(world.last.asked("setGlossary")[0].terms.length, 200);
  speaker.close();
});

test("every further connection is told the glossary again, the one that was accepted last", async () => {
  const { world, speaker } = await open({ glossary: [{ source: "one" }] });
  const setting = speaker.setGlossary([{ source: "two" }]);
  world.last.say({ type: "glossaryAccepted", version: "v", terms: 1 });
  assert.deepEqual(await setting, { version: "v", terms: 1 });
  const refused = assert.rejects(speaker.setGlossary([{ source: "" }]), { code: "INVALID_PARAMETER" });
  world.last.say(error("INVALID_PARAMETER", 400));
  await refused;
  world.last.drop();
  await world.pass(1000);
  world.last.say(...refreshed("s2"));
  await settled();
  assert.deepEqual(world.last.asked("setGlossary"), [{ action: "setGlossary", terms: [{ source: "two" }] }]);
  speaker.close();
});

test("a refresh asks for a fresh token and moves the sound at the answer, not before", async () => {
  let tokens = 0;
  const { world, speaker } = made({}, async () => {
    tokens += 1;
    return `jwt-${tokens}`;
  });
  const opening = speaker.open();
  await settled();
  world.last.say(CREATED);
  await opening;
  const old = world.last;
  old.say({ type: "connectionRefreshRequired", refreshBy: 0 });
  await settled();
  const next = world.last;
  assert.deepEqual(next.query, {
    action: "refreshConnection",
    role: "speaker",
    sessionId: "faithful-shepherd-427",
    token: "jwt-2",
    connectionId: "s1",
  });
  speaker.send(new Int16Array(1600));
  assert.equal(spoken(old).length, 1);
  next.say(...refreshed("s2"));
  await settled();
  speaker.send(new Int16Array(1600));
  assert.deepEqual([spoken(old).length, spoken(next).length], [1, 1]);
  old.drop(1000);
  await settled();
  speaker.close();
});

test("a try that nobody answered leaves the connection's name out of the next", async () => {
  const { world, speaker } = await open();
  world.last.drop();
  await world.pass(1000);
  assert.equal(world.last.query.connectionId, "s1");
  world.last.drop();
  await world.pass(2000);
  assert.equal(world.last.query.connectionId, undefined);
  speaker.close();
});

test("what is said without a connection is sent afterwards, the last five seconds of it", async () => {
  const { world, speaker, told } = await open();
  world.last.drop();
  await settled();
  for (let at = 0; at < 60; at += 1) {
    speaker.send(new Int16Array(1600).fill(at));
  }
  assert.ok(Math.abs(told.of("lost").reduce((sum, each) => sum + each.seconds, 0) - 1) < 1e-9);
  await world.pass(1000);
  world.last.say(...refreshed("s2"));
  await world.pass(2000);
  const chunks = spoken(world.last);
  assert.equal(chunks.length, 50);
  assert.equal(new Int16Array(chunks[0].slice().buffer)[0], 10);
  speaker.close();
  assert.deepEqual(world.timers, []);
});

test("a network that takes nothing does not fill the browser, and is doubted after ten seconds", async () => {
  const { world, speaker, told } = await open();
  world.last.bufferedAmount = 65_000;
  const socket = world.last;
  for (let at = 0; at < 120; at += 1) {
    speaker.send(new Int16Array(1600));
    await world.pass(100);
  }
  assert.equal(spoken(socket).length, 0);
  assert.equal(socket.asked("heartbeat").length, 1);
  await world.pass(10_000);
  const lost = told.of("connection").filter((status) => status.problem?.code === "CONNECTION_LOST");
  assert.deepEqual(
    lost.map((status) => status.status),
    ["waiting"],
  );
  speaker.close();
});

test("the end comes after what was said", async () => {
  const { world, speaker, told } = await open();
  for (let at = 0; at < 20; at += 1) {
    speaker.send(new Int16Array(1600));
  }
  const ending = speaker.end("goodbye");
  await settled();
  assert.equal(world.last.asked("endSession").length, 0);
  await world.pass(1000);
  assert.equal(spoken(world.last).length, 20);
  assert.deepEqual(world.last.sent.at(-1), { action: "endSession", reason: "goodbye" });
  world.last.say({ type: "sessionEnded", sessionId: "faithful-shepherd-427", reason: "goodbye" });
  await ending;
  world.last.drop(1000);
  await settled();
  assert.deepEqual(told.of("ended"), [{ reason: "goodbye" }]);
  assert.equal(told.of("connection").at(-1).status, "closed");
  assert.deepEqual(world.timers, []);
});

test("of a slider that is dragged the first and the last word are said", async () => {
  const { world, speaker } = await open();
  const dragged = [0.9, 0.8, 0.7, 0.6].map((level) => speaker.setVolume(level));
  world.last.say({ type: "volumeChanged", volumeLevel: 0.9 });
  world.last.say({ type: "volumeChanged", volumeLevel: 0.6 });
  await Promise.all(dragged);
  assert.deepEqual(
    world.last.asked("setVolume").map((message) => message.volumeLevel),
    [0.9, 0.6],
  );
  assert.equal(speaker.state.volume, 0.6);
  speaker.close();
});

test("a refusal of sound answers no question", async () => {
  const { world, speaker, told } = await open();
  const muting = speaker.mute();
  world.last.say(error("AUDIO_CHUNK_TOO_LARGE", 413));
  world.last.say({ type: "broadcastMuted", sessionId: "faithful-shepherd-427", timestamp: 0 });
  await muting;
  assert.equal(told.of("problem")[0].code, "AUDIO_CHUNK_TOO_LARGE");
  assert.equal(told.of("state").at(-1).isMuted, true);
  speaker.close();
});

test("a session is gone on with by the token alone, as it stands", async () => {
  const { world, speaker, told } = made({ resume: { sessionId: "faithful-shepherd-427" } });
  const opening = speaker.open();
  await settled();
  assert.deepEqual([world.last.query.action, world.last.query.connectionId], ["refreshConnection", undefined]);
  world.last.say(...refreshed("s7"));
  const opened = await opening;
  assert.deepEqual(
    [opened.sessionId, opened.broadcastState.isPaused, opened.joinUrl],
    ["faithful-shepherd-427", true, ""],
  );
  assert.deepEqual(told.of("created"), []);
  speaker.close();
});

test("a session that ended while the speaker was away has ended", async () => {
  const { world, told } = await open();
  world.last.drop();
  await world.pass(1000);
  world.last.say(error("SESSION_NOT_FOUND", 404));
  await settled();
  assert.deepEqual(told.events.slice(-2), [
    ["ended", { reason: "while_away" }],
    ["connection", { status: "closed" }],
  ]);
});

test("a token that cannot be had is asked for again", async () => {
  let fails = true;
  const { world, speaker, told } = made({}, () => {
    if (fails) {
      throw new Error("the issuer is away");
    }
    return "jwt";
  });
  const opening = speaker.open();
  await settled();
  assert.equal(told.of("connection").at(-1).problem.code, "TOKEN_UNAVAILABLE");
  fails = false;
  await world.pass(1000);
  world.last.say(CREATED);
  await opening;
  speaker.close();
});
