import assert from "node:assert/strict";
import { test } from "node:test";
import { Transcript } from "../../edge/web/captions/transcript.js";
import { chance } from "./chance.js";

/**
 * @param {number} segmentId
 * @param {string} text
 * @param {{isFinal?: boolean, stableChars?: number, language?: string}} [more]
 */
function caption(segmentId, text, more = {}) {
  const times = { startMs: segmentId * 1000, endMs: segmentId * 1000 + 900 };
  return { segmentId, text, stableChars: 0, isFinal: true, language: "es", ...times, ...more };
}

const partial = { isFinal: false };

/** @param {Transcript} transcript */
const texts = (transcript) => transcript.segments.map(({ text }) => text);

test("a later caption takes the earlier one's place", () => {
  const transcript = new Transcript();
  transcript.receive(caption(1, "En el", partial), 10);
  transcript.receive(caption(2, "Y la", partial), 20);
  const changed = transcript.receive(caption(1, "En el principio."), 30);
  assert.deepEqual(texts(transcript), ["En el principio.", "Y la"]);
  assert.deepEqual(changed, { ...caption(1, "En el principio."), at: 30 });
});

test("a late segment takes its place", () => {
  const transcript = new Transcript();
  for (const id of [1, 4, 2, 3]) transcript.receive(caption(id, `${id}`));
  assert.deepEqual(texts(transcript), ["1", "2", "3", "4"]);
});

test("a partial that comes after its final changes nothing", () => {
  const transcript = new Transcript();
  transcript.receive(caption(1, "Todo."));
  assert.equal(transcript.receive(caption(1, "Tod", partial)), undefined);
  assert.deepEqual(texts(transcript), ["Todo."]);
});

test("a second final corrects the first", () => {
  const transcript = new Transcript();
  transcript.receive(caption(1, "Todos."));
  assert.equal(transcript.receive(caption(1, "Todo."))?.text, "Todo.");
});

test("a repeated caption changes nothing", () => {
  const transcript = new Transcript();
  transcript.receive(caption(1, "Todo."), 10);
  assert.equal(transcript.receive(caption(1, "Todo."), 20), undefined);
  assert.equal(transcript.segments[0].at, 10);
});

test("words that were taken back are gone, and may come again", () => {
  const transcript = new Transcript();
  transcript.receive(caption(1, "Bueno", partial));
  const gone = transcript.receive(caption(1, "", partial));
  assert.equal(gone?.text, "");
  assert.deepEqual(texts(transcript), []);
  assert.equal(transcript.receive(caption(1, "", partial)), undefined);
  transcript.receive(caption(1, "Bien", partial));
  assert.deepEqual(texts(transcript), ["Bien"]);
});

test("what was read in one language is not said again in another", () => {
  const transcript = new Transcript();
  transcript.receive(caption(1, "Hola."));
  transcript.receive(caption(2, "Y", partial));
  assert.equal(transcript.receive(caption(1, "Bonjour.", { language: "fr" })), undefined);
  transcript.receive(caption(2, "Et voilà.", { language: "fr" }));
  assert.deepEqual(texts(transcript), ["Hola.", "Et voilà."]);
  assert.deepEqual(
    transcript.finals("fr").map(({ text }) => text),
    ["Et voilà."],
  );
});

test("a caption that names no language has that of the transcript", () => {
  const transcript = new Transcript({ language: "en" });
  transcript.receive(caption(1, "Hello.", { language: undefined }));
  assert.equal(transcript.segments[0].language, "en");
});

test("a partial whose end was lost with a connection is kept, and one under way is not", () => {
  const transcript = new Transcript();
  transcript.receive(caption(1, "Uno."));
  transcript.receive(caption(2, "Dos y", partial));
  transcript.receive(caption(5, "Cinco."));
  transcript.receive(caption(6, "Seis", partial));
  assert.deepEqual(
    transcript.finals().map(({ text }) => text),
    ["Uno.", "Dos y", "Cinco."],
  );
});

test("beyond the limit the oldest go, and do not come back", () => {
  const transcript = new Transcript({ limit: 3 });
  for (const id of [1, 2, 3, 4, 5]) transcript.receive(caption(id, `${id}`));
  assert.deepEqual(texts(transcript), ["3", "4", "5"]);
  assert.equal(transcript.receive(caption(2, "late")), undefined);
  assert.deepEqual(texts(transcript), ["3", "4", "5"]);
});

test("in whatever order captions come, each segment is there once, in order, and as its final says", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const luck = chance(seed);
    const ids = Array.from({ length: luck.whole(1, 30) }, (_, place) => place + 1);
    const all = ids.flatMap((id) => [
      ...Array.from({ length: luck.whole(0, 4) }, (_, turn) => caption(id, `${id} so far ${turn}`, partial)),
      ...(luck.next() < 0.2 ? [caption(id, "", partial)] : []),
      caption(id, `${id} whole`),
    ]);
    const transcript = new Transcript();
    for (const each of luck.shuffled([...all, ...all])) transcript.receive(each);
    assert.deepEqual(
      transcript.segments.map(({ segmentId, text, isFinal }) => [segmentId, text, isFinal]),
      ids.map((id) => [id, `${id} whole`, true]),
      `seed ${seed}`,
    );
  }
});
