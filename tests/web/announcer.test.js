import assert from "node:assert/strict";
import { test } from "node:test";

import { Announcements } from "../../edge/web/interface/announcer.js";

test("one thing is said at a time", () => {
  const announcements = new Announcements();
  announcements.add("joined");
  announcements.add("paused");
  assert.equal(announcements.next(0), "joined");
  assert.equal(announcements.next(1_000), undefined);
  assert.equal(announcements.wait(1_000), 500);
  assert.equal(announcements.next(1_500), "paused");
  assert.equal(announcements.wait(1_500), undefined);
});

test("what is said again while it waits is said once, as the last", () => {
  const announcements = new Announcements();
  for (const text of ["lost", "back", "lost"]) announcements.add(text);
  assert.deepEqual([announcements.next(0), announcements.next(2_000), announcements.next(4_000)], ["back", "lost", undefined]);
});

test("of too many the oldest go", () => {
  const announcements = new Announcements();
  for (let number = 0; number < 50; number++) announcements.add(`message ${number}`);
  const said = [0, 2_000, 4_000, 6_000].map((now) => announcements.next(now));
  assert.deepEqual(said, ["message 47", "message 48", "message 49", undefined]);
});

test("nothing is not said", () => {
  const announcements = new Announcements();
  announcements.add("  ");
  assert.equal(announcements.wait(0), undefined);
});
