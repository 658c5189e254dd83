import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Emitter } from "../../edge/web/client/emitter.js";
import { Problem } from "../../edge/web/client/problem.js";
import { Feed } from "../../edge/web/pages/screen/feed.js";
import { Standing } from "../../edge/web/pages/screen/standing.js";

/**
 * A Listener made by hand: opened, refused or lost as the test says.
 * @extends {Emitter<Record<string, any>>}
 */
class Hand extends Emitter {
  closed = false;
  /** @type {(value: unknown) => void} */
  accept = () => undefined;
  /** @type {(problem: Problem) => void} */
  refuse = () => undefined;

  /** @param {string} language @param {string | undefined} pin */
  constructor(language, pin) {
    super();
    this.language = language;
    this.pin = pin;
  }

  open() {
    return new Promise((accept, refuse) => {
      this.accept = accept;
      this.refuse = refuse;
    });
  }

  async close() {
    this.closed = true;
    this.emit("connection", { status: "closed" });
  }

  /** @param {string} name @param {any} event */
  tell(name, event) {
    this.emit(name, event);
  }
}

/** Lets promises that are settled be heard. */
async function soon() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** @param {{pin?: string, answers?: string[]}} [options] */
function made({ pin, answers = [] } = {}) {
  /** @type {Hand[]} */
  const hands = [];
  /** @type {[string, any][]} */
  const told = [];
  /** @type {(string | undefined)[]} */
  const asked = [];
  const guard = {
    pin,
    /** @param {string | undefined} wrong */
    ask: async (wrong) => {
      asked.push(wrong);
      guard.pin = answers.shift();
      return guard.pin ?? "";
    },
  };
  const feed = new Feed("es", guard, (language, secret) => {
    const hand = new Hand(language, secret);
    hands.push(hand);
    return hand;
  });
  for (const name of /** @type {const} */ (["caption", "sourceCaption", "state", "standing", "ended", "replaced"])) {
    feed.on(name, (event) => told.push([name, event]));
  }
  return { feed, hands, told, asked, last: () => /** @type {Hand} */ (hands.at(-1)) };
}

/** @param {string} code @param {object} [details] */
const problem = (code, details) => new Problem(code, 400, "no", details);

test("what the listener hears is handed on", async () => {
  const { feed, told, last } = made();
  const running = feed.run();
  last().accept({});
  last().tell("caption", { text: "Hola" });
  last().tell("sourceCaption", { text: "Hello" });
  last().tell("state", { isPaused: true });
  last().tell("ended", { reason: "over" });
  await running;
  assert.deepEqual(told.map(([name]) => name), ["caption", "sourceCaption", "state", "ended"]);
  assert.ok(last().closed);
});

test("a wrong PIN is asked for again until it is right", async () => {
  const { feed, hands, asked, last } = made({ pin: "1", answers: ["2", "3"] });
  void feed.run();
  for (let turn = 0; turn < 2; turn += 1) {
    last().refuse(problem("WRONG_PIN"));
    await soon();
  }
  assert.deepEqual(asked, ["1", "2"]);
  assert.deepEqual(hands.map(({ pin }) => pin), ["1", "2", "3"]);
  await feed.close();
});

test("a language that is not on offer gives way to one that is, and it is told", async () => {
  const { feed, told, last } = made();
  void feed.run();
  last().refuse(problem("UNSUPPORTED_LANGUAGE", { languages: ["pt", "fr"] }));
  await soon();
  assert.equal(last().language, "pt");
  assert.deepEqual(told, [["replaced", { wanted: "es", instead: "pt" }]]);
  await feed.close();
});

test("what fails is tried again for ever, slower and slower, and sooner after a success", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const { feed, hands, last } = made();
    void feed.run();
    for (const seconds of [2, 5, 10, 20, 30, 30, 30]) {
      const before = hands.length;
      last().refuse(problem("INTERNAL"));
      await soon();
      mock.timers.tick(seconds * 1000 - 1);
      await soon();
      assert.equal(hands.length, before, `tried before ${seconds} s`);
      mock.timers.tick(1);
      await soon();
      assert.equal(hands.length, before + 1, `not tried after ${seconds} s`);
    }
    last().accept({});
    last().tell("connection", { status: "open" });
    last().tell("connection", { status: "closed", problem: problem("INTERNAL") });
    await soon();
    const before = hands.length;
    mock.timers.tick(2000);
    await soon();
    assert.equal(hands.length, before + 1);
    await feed.close();
  } finally {
    mock.timers.reset();
  }
});

test("when the server says how long to wait, that is waited", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const { feed, hands, last } = made();
    void feed.run();
    last().refuse(problem("SESSION_FULL", { retryAfter: 42 }));
    await soon();
    mock.timers.tick(41_999);
    await soon();
    assert.equal(hands.length, 1);
    mock.timers.tick(1);
    await soon();
    assert.equal(hands.length, 2);
    await feed.close();
  } finally {
    mock.timers.reset();
  }
});

test("a session that is not there any more has ended", async () => {
  const { feed, hands, told, last } = made();
  const running = feed.run();
  last().refuse(problem("SESSION_NOT_FOUND"));
  await running;
  assert.deepEqual(told.map(([name]) => name), ["ended"]);
  assert.equal(hands.length, 1);
});

test("a feed that is closed while it waits ends at once", async () => {
  const { feed, hands, last } = made();
  const running = feed.run();
  last().refuse(problem("INTERNAL"));
  await soon();
  await feed.close();
  await running;
  assert.equal(hands.length, 1);
});

test("the weightiest standing is told, and a short loss is none", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    /** @type {string[]} */
    const told = [];
    const standing = new Standing((word) => told.push(word));
    const feeds = [new Hand("es", ""), new Hand("fr", "")];
    for (const feed of feeds) standing.watch(/** @type {any} */ (feed));
    feeds[0].tell("standing", { away: true });
    mock.timers.tick(3000);
    feeds[0].tell("standing", { away: false });
    mock.timers.tick(60_000);
    assert.ok(told.every((word) => word === ""));
    feeds[1].tell("standing", { away: true });
    mock.timers.tick(4000);
    assert.equal(told.at(-1), "away");
    feeds[1].tell("standing", { away: false });
    feeds[0].tell("state", { isPaused: false, isMuted: true });
    assert.equal(told.at(-1), "muted");
    feeds[0].tell("state", { isPaused: true, isMuted: true });
    assert.equal(told.at(-1), "paused");
    feeds[0].tell("ended", { reason: "" });
    feeds[1].tell("standing", { away: true });
    mock.timers.tick(4000);
    assert.equal(told.at(-1), "ended");
    standing.close();
  } finally {
    mock.timers.reset();
  }
});
