import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { PlainStream } from "../../edge/web/audio/plain-stream.js";

/** A media element whose events are the test's. */
class Element extends EventTarget {
  src = "";
  srcObject = null;
  loads = 0;

  load() {
    this.loads += 1;
  }

  async play() {}

  pause() {}

  removeAttribute() {
    this.src = "";
  }

  /** @param {string} name */
  tell(name) {
    this.dispatchEvent(new Event(name));
  }
}

/** @param {(made: {element: Element, stream: PlainStream, told: boolean[]}) => Promise<void>} work */
async function playing(work) {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const element = new Element();
    /** @type {boolean[]} */
    const told = [];
    const stream = new PlainStream(/** @type {any} */ (element), (active) => told.push(active));
    await stream.play("/listen/faithful-shepherd-427/es.mp3");
    element.loads = 0;
    await work({ element, stream, told });
  } finally {
    mock.timers.reset();
  }
}

test("a stream that hangs without an end is loaded again", () =>
  playing(async ({ element, told }) => {
    element.tell("waiting");
    mock.timers.tick(29_000);
    assert.deepEqual([told, element.loads], [[], 0]);
    mock.timers.tick(1_000);
    mock.timers.tick(1_000);
    assert.deepEqual([told, element.loads], [[false], 1]);
    // That one brings nothing, either.
    element.tell("waiting");
    mock.timers.tick(30_000);
    mock.timers.tick(2_000);
    assert.equal(element.loads, 2);
    element.tell("playing");
    mock.timers.tick(600_000);
    assert.deepEqual([told.at(-1), element.loads], [true, 2]);
  }));

test("a stream that comes late and goes on is left as it is", () =>
  playing(async ({ element, told }) => {
    element.tell("waiting");
    mock.timers.tick(20_000);
    element.tell("playing");
    mock.timers.tick(600_000);
    assert.deepEqual([told, element.loads], [[true], 0]);
  }));

test("a stream that was left asks for nothing more", () =>
  playing(async ({ element, stream }) => {
    element.tell("waiting");
    element.tell("error");
    stream.stop();
    element.loads = 0;
    mock.timers.tick(600_000);
    assert.equal(element.loads, 0);
  }));

test("a stream that is left before it began is no failure", async () => {
  const element = new Element();
  /** @type {(reason: Error) => void} */
  let refuse = () => {};
  element.play = () => new Promise((_, reject) => (refuse = reject));
  const stream = new PlainStream(/** @type {any} */ (element), () => {});
  const left = stream.play("/listen/faithful-shepherd-427/es.mp3");
  stream.stop();
  refuse(new DOMException("the play() request was interrupted", "AbortError"));
  assert.equal(await left, false);
  const refused = stream.play("/listen/faithful-shepherd-427/fr.mp3");
  refuse(new DOMException("no such thing", "NotSupportedError"));
  await assert.rejects(refused, { name: "NotSupportedError" });
});
