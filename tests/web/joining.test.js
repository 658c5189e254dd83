import assert from "node:assert/strict";
import { test } from "node:test";

import { sessionName } from "../../edge/web/pages/home/joining.js";

const meant = [
  "faithful-shepherd-427",
  "  Faithful-Shepherd-427\n",
  "faithful shepherd 427",
  "FAITHFUL SHEPHERD 427",
  "faithful_shepherd_427",
  "faithful–shepherd—427",
  "faithful−shepherd‑427",
  "faithful--shepherd - 427",
  "faithful.shepherd.427.",
  "faithful-shepherd427",
  "faithful shepherd-４２７",
  "faithful-shepherd-٤٢٧",
  "faithful\u00ad-shepherd\u200b-427",
  "fáithful-shepherd-427",
  "“faithful-shepherd-427”",
  "https://talks.example/s/faithful-shepherd-427",
  "https://talks.example/s/faithful-shepherd-427/screen?lang=es#x",
  "talks.example/s/Faithful-Shepherd-427",
  "https://talks.example/s/faithful%2Dshepherd%2D427",
  "https://patient-ark-100.example/s/faithful-shepherd-427",
  "Join us: https://talks.example/s/faithful-shepherd-427 (today, 10 o'clock)",
  "the session is faithful-shepherd-427, come!",
  "come to faithful shepherd 427 today",
  "100% faithful-shepherd-427",
];

for (const typed of meant) {
  test(`who types ${JSON.stringify(typed)} means faithful-shepherd-427`, () => {
    assert.equal(sessionName(typed), "faithful-shepherd-427");
  });
}

const meaningless = ["", "   ", "shepherd-427", "faithful-shepherd", "faithful-shepherd-42", "faithful-shepherd-027", "427",
  "faithful-shepherd-4270", "https://talks.example/", "<script>alert(1)</script>", "a-b-100", `${"x".repeat(30)}-shepherd-427`];

for (const typed of meaningless) {
  test(`no session is meant by ${JSON.stringify(typed)}`, () => {
    assert.equal(sessionName(typed), undefined);
  });
}

test("a very long text is looked through in no time", () => {
  assert.equal(sessionName("ab-".repeat(100_000)), undefined);
});
