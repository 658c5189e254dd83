import assert from "node:assert/strict";
import test from "node:test";
import { ending, mayPass, Pulse, retryDelay, TIMING, unanswered } from "../../edge/web/client/recovery.js";

const peace = { toldEnded: false, refreshing: false };
/** @param {Partial<import("../../edge/web/client/messages.js").ErrorMessage>} fields */
const error = (fields) => ({
  type: /** @type {const} */ ("error"),
  code: "INTERNAL",
  status: 500,
  message: "oh",
  ...fields,
});

test("a session that has ended is finished whatever the code", () => {
  assert.equal(ending(1006, { ...peace, toldEnded: true }).kind, "finished");
  assert.equal(ending(4000, peace).kind, "finished");
});

test("a normal close is another connection's doing, and during a refresh our own", () => {
  const end = ending(1000, peace);
  assert.equal(end.kind === "refused" && end.problem.code, "REPLACED");
  assert.equal(ending(1000, { ...peace, refreshing: true }).kind, "lost");
});

for (const code of [1001, 1006, 1008, 1011, 1012, 4008, 4503]) {
  test(`after ${code} it goes on`, () => assert.equal(ending(code, peace).kind, "lost"));
}

for (const [code, name] of /** @type {[number, string][]} */ ([
  [1009, "MESSAGE_TOO_LARGE"],
  [4001, "INVALID_TOKEN"],
  [4004, "SESSION_NOT_FOUND"],
])) {
  test(`after ${code} it does not go on`, () => {
    const end = ending(code, peace);
    assert.equal(end.kind === "refused" && end.problem.code, name);
    assert.equal(unanswered(code).code, name);
  });
}

test("the server's own words say why", () => {
  const end = ending(4001, { ...peace, error: error({ code: "TOKEN_EXPIRED", status: 401, correlationId: "c0" }) });
  assert.ok(end.kind === "refused");
  assert.deepEqual([end.problem.code, end.problem.correlationId, end.problem.closeCode], ["TOKEN_EXPIRED", "c0", 4001]);
});

test("who was too fast waits for half a minute at least, or as long as the server says", () => {
  const end = ending(4029, peace);
  assert.equal(end.kind === "lost" && end.problem.retryAfter, 30);
  const later = ending(4029, { ...peace, error: error({ retryAfter: 90 }) });
  assert.equal(later.kind === "lost" && later.problem.retryAfter, 90);
});

test("a connection that could not be made is unreachable, for nothing more is known", () => {
  assert.equal(unanswered(1006).code, "UNREACHABLE");
  assert.ok(mayPass(unanswered(1006)));
});

test("waits double to a limit, half of them by chance, and never less than the server asked", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 9, 99].map((attempt) => retryDelay(attempt, TIMING, 0)),
    [1000, 2000, 4000, 8000, 30_000, 30_000],
  );
  assert.equal(retryDelay(2, TIMING, 1), 2000);
  assert.equal(retryDelay(0, TIMING, 0, 12), 12_000);
  assert.equal(retryDelay(0, TIMING, 1, 12), 13_200);
});

test("a heartbeat goes out every 30 s, and silence of 75 s is a loss", () => {
  const pulse = new Pulse(TIMING, 0);
  assert.equal(pulse.deadline, 30_000);
  assert.equal(pulse.tick(29_999), undefined);
  assert.equal(pulse.tick(30_000), "beat");
  assert.equal(pulse.tick(60_000), "beat");
  assert.equal(pulse.deadline, 75_000);
  assert.equal(pulse.tick(75_000), "lost");
});

test("whatever is heard is a sign of life", () => {
  const pulse = new Pulse(TIMING, 0);
  pulse.heard(29_000);
  assert.equal(pulse.tick(30_000), "beat");
  assert.equal(pulse.tick(60_000), "beat");
  assert.equal(pulse.tick(90_000), "beat");
  assert.equal(pulse.tick(104_000), "lost");
});

test("a doubted connection is asked once and has ten seconds", () => {
  const pulse = new Pulse(TIMING, 0);
  assert.equal(pulse.doubt(1_000), true);
  assert.equal(pulse.doubt(1_500), false);
  assert.equal(pulse.deadline, 11_000);
  assert.equal(pulse.tick(11_000), "lost");
});

test("a doubt is over when something is heard", () => {
  const pulse = new Pulse(TIMING, 0);
  pulse.doubt(1_000);
  pulse.heard(2_000);
  assert.equal(pulse.deadline, 30_000);
});

test("a computer that slept asks before it gives a connection up", () => {
  const pulse = new Pulse(TIMING, 0);
  assert.equal(pulse.tick(3_600_000), "beat");
  assert.equal(pulse.deadline, 3_610_000);
  pulse.heard(3_600_100);
  assert.equal(pulse.tick(3_630_000), "beat");
  assert.equal(pulse.tick(7_200_000), "beat");
  assert.equal(pulse.tick(7_210_000), "lost");
});

test("a page whose timers are always late finds a loss by the second", () => {
  const pulse = new Pulse(TIMING, 0);
  assert.equal(pulse.tick(60_000), "beat");
  assert.equal(pulse.tick(120_000), "lost");
});
