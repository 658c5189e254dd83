import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { CLIENT_CODES, Problem } from "../../edge/web/client/problem.js";
import { interfaceLanguages, load, t } from "../../edge/web/interface/i18n.js";
import { keyOf, known, problemKeys, words } from "../../edge/web/interface/problems.js";

/** @param {string} name */
const read = (name) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf-8");

/** @type {Record<string, {status: number, closeCode: number}>} */
const errors = JSON.parse(read("edge/asyncapi.json"))["x-errors"];
const protocol = read("docs/protocol.md");
const table = protocol.slice(protocol.indexOf("| close code |"));
const closeCodes = [...table.slice(0, table.indexOf("\n\n")).matchAll(/^\| (\d{4}) \|/gm)].map((found) => Number(found[1]));
const speakers = protocol.slice(protocol.indexOf("| message | means |"), protocol.indexOf("## Listening"));
const troubles = [...speakers.matchAll(/`transcriptionError` `([A-Z_]+)`/g)].map((found) => found[1] ?? "");

test("every error code of the protocol has words", () => {
  assert.ok(Object.keys(errors).length > 20);
  assert.deepEqual(Object.keys(errors).filter((code) => keyOf({ code }) === "unforeseen"), []);
});

test("every close code of the protocol has words", () => {
  assert.ok(closeCodes.length > 8);
  const all = [...closeCodes, ...Object.values(errors).map((error) => error.closeCode)];
  assert.deepEqual(all.filter((closeCode) => keyOf({ closeCode }) === "unforeseen"), []);
});

test("everything that a speaker is told in mid-talk has words", () => {
  assert.ok(troubles.length >= 4);
  assert.deepEqual(troubles.filter((code) => keyOf({ code }) === "unforeseen"), []);
});

test("no code has words that the protocol does not know", () => {
  const codes = new Set([...Object.keys(errors), ...troubles]);
  assert.deepEqual(known.codes.filter((code) => !codes.has(code)), []);
  // 1006 is the browser's own, for a connection that just broke.
  assert.deepEqual(known.closeCodes.filter((code) => !closeCodes.includes(code) && code !== 1006), []);
});

for (const language of interfaceLanguages) {
  test(`every problem has a title and advice in ${language}`, async () => {
    await load("home", [language]);
    for (const key of problemKeys) {
      for (const part of ["title", "advice"]) assert.notEqual(t(`problem.${key}.${part}`), `problem.${key}.${part}`);
    }
  });
}

test("who is too fast is told how long to wait", async () => {
  await load("home", ["en"]);
  assert.equal(words({ code: "RATE_LIMIT_EXCEEDED", retryAfter: 1 }).advice, "Wait 1 second, then try again.");
  assert.equal(words({ code: "RATE_LIMIT_EXCEEDED", retryAfter: 4.2 }).advice, "Wait 5 seconds, then try again.");
  assert.equal(words({ closeCode: 4029 }).advice, "Wait a moment, then try again.");
});

test("an error code says more than the close code that follows it", () => {
  assert.equal(keyOf({ code: "WRONG_PIN", closeCode: 1008 }), "pin");
  assert.equal(keyOf({ code: "SOMETHING_NEW", closeCode: 1011 }), "ours");
});

test("what the client finds out by itself has words", () => {
  for (const code of Object.keys(CLIENT_CODES)) assert.notEqual(keyOf({ code }), "unforeseen", code);
});

test("nobody is told to load a page again whose connection is being mended", () => {
  for (const closeCode of [1005, 1006, 1008, 1011, 1012, 4008]) {
    assert.equal(keyOf(Problem.own("CONNECTION_LOST", "", { closeCode })), "lost");
  }
  assert.equal(keyOf(Problem.own("CONNECTION_LOST", "", { closeCode: 1001 })), "goingAway");
  assert.equal(keyOf(Problem.own("REPLACED", "", { closeCode: 1000 })), "conflict");
});

test("microphones and networks have words, too", () => {
  for (const name of ["denied", "missing", "busy", "insecure", "unsupported"]) assert.match(keyOf({ name }), /^mic/);
  assert.equal(keyOf({ name: "offline" }), "offline");
});

test("what nobody foresaw is told as such, and not as a name of a property", () => {
  for (const problem of [{}, new TypeError("no"), { code: "toString" }, { name: "constructor" }]) {
    assert.equal(keyOf(problem), "unforeseen");
  }
});
