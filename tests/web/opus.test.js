import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Listener } from "../../edge/web/client/listener.js";
import { OpusVoice, supported } from "../../edge/web/client/opus.js";
import { heard, settled, World } from "./world.js";

const FRAMES = 2880;
/** @type {any} */
const browser = globalThis;

/** The browser's decoder: every packet becomes 60 ms of its first byte; 255 is one that it cannot read. */
class FakeDecoder {
  static made = 0;
  static offered = true;
  static async isConfigSupported() {
    return { supported: FakeDecoder.offered };
  }

  state = "unconfigured";
  /** @type {number[]} */
  waiting = [];

  /** @param {{output: (data: any) => void, error: (error: Error) => void}} init */
  constructor({ output, error }) {
    FakeDecoder.made += 1;
    this.output = output;
    this.error = error;
  }

  configure() {
    this.state = "configured";
  }

  /** @param {{data: Uint8Array}} chunk */
  decode({ data }) {
    if (this.state !== "configured") {
      throw new Error("InvalidStateError");
    }
    this.waiting.push(/** @type {number} */ (data[0]));
    queueMicrotask(() => this.#work());
  }

  async flush() {
    await settled();
    this.#work();
    if (this.state !== "configured") {
      throw new Error("AbortError");
    }
  }

  close() {
    this.state = "closed";
  }

  #work() {
    for (const value of this.waiting.splice(0)) {
      if (value === 255) {
        this.state = "closed";
        this.error(new Error("EncodingError"));
        return;
      }
      this.output({
        numberOfFrames: FRAMES,
        sampleRate: 48_000,
        copyTo: (/** @type {Float32Array} */ samples) => samples.fill(value),
        close: () => {},
      });
    }
  }
}

class FakeChunk {
  /** @param {object} init */
  constructor(init) {
    Object.assign(this, init);
  }
}

beforeEach(() => {
  Object.assign(FakeDecoder, { made: 0, offered: true });
  Object.assign(browser, { AudioDecoder: FakeDecoder, EncodedAudioChunk: FakeChunk });
});
afterEach(() => {
  browser.AudioDecoder = undefined;
  browser.EncodedAudioChunk = undefined;
});

/** @param {number} segmentId */
const start = (segmentId) => ({
  type: /** @type {const} */ ("cueStart"),
  cueId: `${segmentId}-es`,
  segmentId,
  language: "es",
  sampleRate: 16_000,
  startMs: 0,
  endMs: 0,
  tempo: 1,
  audioFormat: "opus",
  packetMs: 60,
  preSkip: 312,
});
/** @param {number} segmentId @param {number} durationMs */
const end = (segmentId, durationMs) => ({
  type: /** @type {const} */ ("cueEnd"),
  cueId: `${segmentId}-es`,
  durationMs,
  cut: false,
});

function voice() {
  /** @type {any[]} */
  const told = [];
  const made = new OpusVoice({
    audio: (cueId, samples) => told.push([cueId, samples.length, samples[0]]),
    end: ({ cueId, cut }) => told.push([cueId, cut ? "cut" : "whole"]),
    failed: () => told.push("failed"),
  });
  const after = () => new Promise((/** @type {(done: undefined) => void} */ done) => made.after(() => done(undefined)));
  return { made, told, after };
}

test("a cue is handed out in order and to the sample", async () => {
  const { made, told, after } = voice();
  made.start(start(1));
  made.packet(Uint8Array.of(1));
  made.packet(Uint8Array.of(2));
  made.end(end(1, 100));
  made.start(start(2));
  made.packet(Uint8Array.of(3));
  made.end(end(2, 20));
  await after();
  assert.deepEqual(told, [
    ["1-es", FRAMES - 312, 1],
    ["1-es", 4800 - (FRAMES - 312), 2],
    ["1-es", "whole"],
    ["2-es", 960, 3],
    ["2-es", "whole"],
  ]);
  assert.equal(FakeDecoder.made, 1);
});

test("a cue that cannot be decoded is cut, and the next has a fresh decoder", async () => {
  const { made, told, after } = voice();
  for (const [segmentId, packet] of /** @type {[number, number][]} */ ([
    [1, 255],
    [2, 7],
  ])) {
    made.start(start(segmentId));
    made.packet(Uint8Array.of(packet));
    made.packet(Uint8Array.of(packet));
    made.end(end(segmentId, 100));
  }
  await after();
  assert.deepEqual(
    told.filter((each) => typeof each[1] === "string"),
    [
      ["1-es", "cut"],
      ["2-es", "whole"],
    ],
  );
  assert.equal(FakeDecoder.made, 2);
  assert.ok(!told.includes("failed"));
});

test("a decoder that fails twice in a row is given up", async () => {
  const { made, told, after } = voice();
  for (const segmentId of [1, 2]) {
    made.start(start(segmentId));
    made.packet(Uint8Array.of(255));
    made.end(end(segmentId, 60));
  }
  await after();
  assert.equal(told.filter((each) => each === "failed").length, 1);
});

test("a cue that goes on in another form hands out what was held back", async () => {
  const { made, told, after } = voice();
  made.start(start(1));
  made.packet(Uint8Array.of(1));
  made.leave();
  await after();
  assert.deepEqual(told, [["1-es", FRAMES - 312, 1]]);
});

test("a browser without a decoder has none", async () => {
  FakeDecoder.offered = false;
  assert.equal(await supported(), false);
  browser.AudioDecoder = undefined;
  assert.equal(await supported(), false);
});

const JOINED = {
  type: "sessionJoined",
  sessionId: "faithful-shepherd-427",
  sourceLanguage: "en",
  targetLanguage: "es",
  connectionId: "a1",
  broadcastState: { isActive: true, isPaused: false, isMuted: false, volume: 1 },
};

/** Opens a listener that wants Opus. @param {boolean} served */
async function opened(served) {
  const world = new World();
  const listener = new Listener("http://lingocast.example", "faithful-shepherd-427", {
    language: "es",
    audio: "opus",
    surroundings: world.surroundings,
  });
  const told = heard(listener, ["cueStart", "audio", "cueEnd", "ended"]);
  const opening = listener.open();
  await settled();
  await settled();
  if (!served && world.last.query.audioFormat) {
    world.last.say({ type: "error", code: "INVALID_PARAMETER", status: 400, message: "opus is not offered here" });
    await settled();
  }
  world.last.say(JOINED);
  await opening;
  return { world, listener, told };
}

test("a server without Opus is asked for PCM", async () => {
  const { world, listener } = await opened(false);
  assert.deepEqual(
    world.sockets.map((socket) => socket.query.audioFormat),
    ["opus", undefined],
  );
  assert.equal(listener.audioFormat, "pcm");
  await listener.close();
});

test("a browser without a decoder asks for PCM", async () => {
  browser.AudioDecoder = undefined;
  const { world, listener } = await opened(true);
  assert.equal(world.last.query.audioFormat, undefined);
  await listener.close();
});

test("the session's end is told after the last of its sound", async () => {
  const { world, told } = await opened(true);
  world.last.say(start(1));
  world.last.audio(Uint8Array.of(5));
  world.last.say({ type: "cueEnd", cueId: "1-es", durationMs: 20 }, { type: "sessionEnded", reason: "speaker" });
  world.last.drop(4000);
  await settled();
  await settled();
  await settled();
  assert.deepEqual(
    told.events.map(([name]) => name),
    ["cueStart", "audio", "cueEnd", "ended"],
  );
});

test("a decoder that does not work here is done without: the next connection brings PCM, and nothing stops", async () => {
  const { world, listener, told } = await opened(true);
  for (const segmentId of [1, 2]) {
    world.last.say(start(segmentId));
    world.last.audio(Uint8Array.of(255));
    world.last.say({ type: "cueEnd", cueId: `${segmentId}-es`, durationMs: 60 });
  }
  for (let turn = 0; turn < 6; turn += 1) {
    await settled();
  }
  const next = world.last;
  assert.deepEqual([next.query.audioFormat, next.query.lastCue], [undefined, "2-es"]);
  next.say({
    type: "connectionRefreshComplete",
    sessionId: JOINED.sessionId,
    newConnectionId: "a2",
    targetLanguage: "es",
  });
  await settled();
  /** @type {any} */ (world.sockets.at(-2)).drop(1000);
  await settled();
  const { audioFormat: _, ...pcm } = start(3);
  next.say(pcm);
  next.audio(new Uint8Array(640));
  next.say({ type: "cueEnd", cueId: "3-es", durationMs: 20 });
  await settled();
  assert.deepEqual(
    told.of("cueEnd").map(({ cueId, cut }) => [cueId, cut]),
    [
      ["1-es", true],
      ["2-es", true],
      ["3-es", false],
    ],
  );
  assert.equal(told.of("audio").at(-1).samples.length, 320);
  assert.equal(listener.audioFormat, "pcm");
  await listener.close();
});

test("a decoder that fails while the connection is being mended asks for no second one", async () => {
  const { world, listener } = await opened(true);
  for (const segmentId of [1, 2]) {
    world.last.say(start(segmentId));
    world.last.audio(Uint8Array.of(255));
    world.last.say({ type: "cueEnd", cueId: `${segmentId}-es`, durationMs: 60 });
  }
  world.last.drop();
  for (let turn = 0; turn < 6; turn += 1) {
    await settled();
  }
  assert.equal(world.sockets.length, 1);
  await world.pass(1_000);
  assert.deepEqual(
    world.sockets.map((socket) => socket.query.audioFormat),
    ["opus", undefined],
  );
  await listener.close();
});
