import assert from "node:assert/strict";
import { test } from "node:test";
import { Emitter } from "../../edge/web/client/emitter.js";
import { Problem } from "../../edge/web/client/problem.js";
import { Hearing } from "../../edge/web/pages/listen/hearing.js";

/** A connection that does what the test says. @extends {Emitter<any>} */
class Scripted extends Emitter {
  closed = false;
  tries = 0;
  memory = { connectionId: "", lastCue: "" };
  admit = () => {};
  /** @type {(problem: Error) => void} */
  refuse = () => {};
  /** @type {Promise<void>} */
  #opening;

  /** @param {any} wishes @param {any} resume */
  constructor(wishes, resume) {
    super();
    this.wishes = wishes;
    this.resume = resume;
    this.#opening = new Promise((resolve, reject) => {
      this.admit = resolve;
      this.refuse = reject;
    });
  }

  open() {
    return this.#opening;
  }

  async pausePlayback() {}
  async resumePlayback() {}

  retryNow() {
    this.tries += 1;
  }

  async close() {
    this.closed = true;
    this.refuse(Problem.own("CLOSED", "it was left"));
  }

  /** @param {string} name @param {any} event */
  say(name, event) {
    this.emit(name, event);
  }

  /** The server lets it in. @param {string} connectionId */
  async letIn(connectionId) {
    this.memory = { connectionId, lastCue: "" };
    this.say("connection", { status: "open" });
    this.say("joined", { targetLanguage: this.wishes.language });
    this.admit();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** @param {string} cueId */
  begin(cueId) {
    this.say("cueStart", { cueId, language: this.wishes.language });
    this.say("audio", { cueId, samples: new Float32Array(1600), sampleRate: 16_000 });
  }

  /** @param {string} cueId */
  end(cueId) {
    this.memory.lastCue = cueId;
    this.say("cueEnd", { cueId, durationMs: 100, cut: false });
  }
}

const WISHES = { language: "es", voice: true, original: false };
const REPLACED = Problem.own("REPLACED", "another took its place", { closeCode: 1000 });

async function joined() {
  /** @type {Scripted[]} */
  const made = [];
  const hearing = new Hearing((wishes, resume) => {
    const listener = new Scripted(wishes, resume);
    made.push(listener);
    return /** @type {any} */ (listener);
  }, "en");
  /** @type {string[]} */
  const heard = [];
  hearing.on("piece", (piece) => heard.push(`${piece.kind} ${piece.cueId}`));
  /** @type {string[]} */
  const statuses = [];
  hearing.on("connection", ({ status }) => statuses.push(status));
  const join = hearing.join(WISHES);
  await made[0]?.letIn("a".repeat(32));
  await join;
  return { hearing, made, heard, statuses };
}

/** @param {Scripted[]} made @param {number} place */
function nth(made, place) {
  const listener = made[place];
  if (!listener) throw new Error(`connection ${place} was not made`);
  return listener;
}

const soon = () => new Promise((resolve) => setImmediate(resolve));

test("another language takes the place of the connection, which ends its cue first", async () => {
  const { hearing, made, heard } = await joined();
  nth(made, 0).begin("1-es");
  const change = hearing.change({ language: "pt" });
  await soon();
  assert.deepEqual(nth(made, 1).resume, { connectionId: "a".repeat(32), lastCue: "" });
  await nth(made, 1).letIn("b".repeat(32));
  await change;
  nth(made, 1).begin("2-pt");
  assert.deepEqual(heard, ["start 1-es", "audio 1-es"]);
  nth(made, 0).end("1-es");
  assert.deepEqual(heard, ["start 1-es", "audio 1-es", "end 1-es", "start 2-pt", "audio 2-pt"]);
  assert.equal(hearing.language, "pt");
});

test("the old connection may close before the answer to the new one: nothing has ended", async () => {
  const { hearing, made, statuses } = await joined();
  const change = hearing.change({ original: true });
  await soon();
  nth(made, 0).say("connection", { status: "closed", problem: REPLACED });
  await nth(made, 1).letIn("b".repeat(32));
  await change;
  assert.deepEqual(statuses, ["open", "open"]);
  assert.equal(nth(made, 0).closed, true);
});

test("a change that is refused leaves all as it was", async () => {
  const { hearing, made, heard } = await joined();
  const change = hearing.change({ language: "tlh" });
  await soon();
  nth(made, 1).refuse(new Problem("UNSUPPORTED_LANGUAGE", 400, "not on offer"));
  await assert.rejects(change, { code: "UNSUPPORTED_LANGUAGE" });
  nth(made, 0).begin("1-es");
  assert.deepEqual(heard, ["start 1-es", "audio 1-es"]);
  assert.equal(hearing.language, "es");
});

test("an old connection that is lost after it was replaced does not come back as a second listener", async () => {
  const { hearing, made, heard } = await joined();
  nth(made, 0).begin("1-es");
  const change = hearing.change({ language: "pt" });
  await soon();
  await nth(made, 1).letIn("b".repeat(32));
  await change;
  nth(made, 0).say("connection", { status: "waiting" });
  assert.equal(nth(made, 0).closed, true);
  nth(made, 1).begin("2-pt");
  assert.deepEqual(heard, ["start 1-es", "audio 1-es", "end 1-es", "start 2-pt", "audio 2-pt"]);
});

test("a lost connection that is changed goes on after the last cue, in another language with the next", async () => {
  for (const [wish, lastCue] of /** @type {const} */ ([
    [{ original: true }, "1-es"],
    [{ language: "pt" }, ""],
  ])) {
    const { hearing, made } = await joined();
    nth(made, 0).begin("1-es");
    nth(made, 0).end("1-es");
    nth(made, 0).say("connection", { status: "waiting" });
    const change = hearing.change(wish);
    await soon();
    assert.equal(nth(made, 1).resume.lastCue, lastCue);
    await nth(made, 1).letIn("b".repeat(32));
    await change;
    assert.equal(nth(made, 0).closed, true);
  }
});

test("changes that come quickly become one", async () => {
  const { hearing, made } = await joined();
  const changes = [hearing.change({ language: "pt" }), hearing.change({ language: "fr" })];
  changes.push(hearing.change({ original: true }));
  await soon();
  await nth(made, 1).letIn("b".repeat(32));
  await Promise.all(changes);
  assert.equal(made.length, 2);
  assert.deepEqual(nth(made, 1).wishes, { language: "fr", voice: true, original: true });
});

test("captions of a connection that was replaced are not shown twice", async () => {
  const { hearing, made } = await joined();
  const caption = { segmentId: 1, text: "Uno.", stableChars: 4, isFinal: true, startMs: 0, endMs: 900, language: "es" };
  const change = hearing.change({ original: true });
  await soon();
  await nth(made, 1).letIn("b".repeat(32));
  await change;
  nth(made, 0).say("caption", { ...caption, text: "Otro." });
  nth(made, 1).say("caption", caption);
  assert.deepEqual(
    hearing.transcript.segments.map(({ text }) => text),
    ["Uno."],
  );
});

test("who is about to follow a lost connection begins again from where that one came back", async () => {
  const { hearing, made } = await joined();
  nth(made, 0).say("connection", { status: "waiting" });
  const change = hearing.change({ language: "pt" });
  await soon();
  nth(made, 0).memory = { connectionId: "c".repeat(32), lastCue: "1-es" };
  nth(made, 0).say("connection", { status: "open" });
  await soon();
  assert.equal(nth(made, 1).closed, true);
  assert.deepEqual(nth(made, 2).resume, { connectionId: "c".repeat(32), lastCue: "" });
  await nth(made, 2).letIn("d".repeat(32));
  await change;
  assert.equal(hearing.language, "pt");
});

test("who wants the next try at once wants it of the connection that is to follow, too", async () => {
  const { hearing, made } = await joined();
  nth(made, 0).say("connection", { status: "waiting" });
  const change = hearing.change({ language: "pt" });
  await soon();
  hearing.retryNow();
  assert.deepEqual(
    made.map(({ tries }) => tries),
    [1, 1],
  );
  await nth(made, 1).letIn("b".repeat(32));
  await change;
});

test("after the end nothing is joined anew by a change", async () => {
  const { hearing, made } = await joined();
  nth(made, 0).say("ended", { reason: "speaker" });
  nth(made, 0).say("connection", { status: "closed" });
  await hearing.change({ original: true });
  assert.equal(made.length, 1);
});
