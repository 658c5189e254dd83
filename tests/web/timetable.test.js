import assert from "node:assert/strict";
import { test } from "node:test";
import { Timetable } from "../../edge/web/audio/timetable.js";
import { random } from "./random.js";

const RATE = 1000;
const LEAD = 250;
const GUARD = 30;

/** @typedef {{ cue: string, number: number }} Sound */
/** @typedef {import("../../edge/web/audio/timetable.js").Piece<Sound>} Piece */
/** @typedef {{ at: number, cue: string, what: "begin" | "add" | "end", count: number, number: number }} Arrival */

/** @param {{ limitSeconds?: number }} [settings] @returns {Timetable<Sound>} */
function timetable(settings) {
  return new Timetable(RATE, settings);
}

/**
 * Cues of 1 to 20 pieces that come by fits and starts, with pauses of up to some seconds.
 * @param {number} seed
 * @returns {Arrival[]}
 */
function arrivals(seed) {
  const next = random(seed);
  const haste = [20, 60, 110, 200][seed % 4];
  let at = 0;
  const wait = () => {
    const odds = next();
    // Bursts, a usual rhythm, now and then a long wait.
    at += odds < 0.3 ? 0 : odds < 0.95 ? Math.round(next() * haste) : Math.round(next() * 2000);
    return at;
  };
  /** @type {Arrival[]} */
  const all = [];
  let number = 0;
  for (let index = 0; index < 12; index++) {
    const cue = `${index}-es`;
    all.push({ at: wait(), cue, what: "begin", count: 0, number: -1 });
    for (let piece = 0; piece < next() * 20; piece++) {
      all.push({ at: wait(), cue, what: "add", count: 1 + Math.round(next() * 140), number: number++ });
    }
    all.push({ at: wait(), cue, what: "end", count: 0, number: -1 });
  }
  return all;
}

/** @param {Timetable<Sound>} table @param {Arrival} arrival */
function arrive(table, arrival) {
  if (arrival.what === "begin") table.begin(arrival.cue);
  else if (arrival.what === "end") table.end(arrival.cue);
  else table.add(arrival.cue, arrival.count, { cue: arrival.cue, number: arrival.number }, arrival.at / RATE);
}

/**
 * Where pieces belong, found without a clock: by what had come when.
 * @param {Arrival[]} all
 * @returns {Map<number, number>} beginnings by the pieces' numbers
 */
function expected(all) {
  const places = new Map();
  let free = 0;
  for (const { cue } of all.filter(({ what }) => what === "begin")) {
    const pieces = all.filter((arrival) => arrival.what === "add").filter((arrival) => arrival.cue === cue);
    const end = all.find((arrival) => arrival.cue === cue && arrival.what === "end")?.at ?? Infinity;
    for (let first = 0; first < pieces.length; ) {
      // Sound begins, or begins again, when there is a lead of it, or no more to wait for.
      let ready = end;
      let count = 0;
      for (const piece of pieces.slice(first)) {
        count += piece.count;
        if (count >= LEAD) {
          ready = Math.min(ready, piece.at);
          break;
        }
      }
      free = Math.max(free, ready + GUARD);
      let late = false;
      while (first < pieces.length && !late) {
        late = pieces[first].at > ready && pieces[first].at + GUARD > free;
        if (!late) {
          places.set(pieces[first].number, free);
          free += pieces[first].count;
          first++;
        }
      }
    }
  }
  return places;
}

test("whatever comes when, all is played once, in order, and not a sample later than needed", () => {
  for (let seed = 0; seed < 400; seed++) {
    const all = arrivals(seed);
    const table = timetable({ limitSeconds: 1000 });
    /** @type {Map<number, number>} */
    const places = new Map();
    let free = 0;
    for (const arrival of all) {
      arrive(table, arrival);
      for (const { at = -1, count, sound } of table.plan(arrival.at)) {
        assert.ok(!places.has(sound.number), `seed ${seed}: piece ${sound.number} is played twice`);
        assert.ok(at >= free, `seed ${seed}: piece ${sound.number} begins before the one before has ended`);
        assert.ok(at >= arrival.at + GUARD, `seed ${seed}: piece ${sound.number} would be too late for the card`);
        places.set(sound.number, at);
        free = at + count;
      }
    }
    assert.deepEqual([...places.keys()], [...places.keys()].toSorted((one, other) => one - other));
    assert.deepEqual(places, expected(all), `seed ${seed}`);
  }
});

test("inside a cue there is a gap only where its sound really came too late", () => {
  for (let seed = 0; seed < 200; seed++) {
    const all = arrivals(seed);
    const came = new Map(all.filter((one) => one.what === "add").map((one) => [one.number, one.at]));
    const table = timetable({ limitSeconds: 1000 });
    /** @type {Piece | undefined} */
    let last;
    for (const arrival of all) {
      arrive(table, arrival);
      for (const piece of table.plan(arrival.at)) {
        const ended = (last?.at ?? 0) + (last?.count ?? 0);
        if (last?.sound.cue === piece.sound.cue && piece.at !== ended) {
          assert.ok((came.get(piece.sound.number) ?? 0) + GUARD > ended, `seed ${seed}: a gap for nothing`);
        }
        last = piece;
      }
    }
  }
});

test("every cue with sound is told of once when it begins and once when it ends, in order", () => {
  for (let seed = 0; seed < 100; seed++) {
    const all = arrivals(seed);
    const table = timetable({ limitSeconds: 1000 });
    const told = [];
    let now = 0;
    const next = random(seed + 1000);
    for (const arrival of all) {
      for (; now < arrival.at; now = Math.min(arrival.at, now + 1 + Math.floor(next() * 300))) told.push(...table.advance(now));
      arrive(table, arrival);
      table.plan(now);
      told.push(...table.advance(now));
    }
    told.push(...table.advance(now + 1_000_000));
    const audible = [...new Set(all.filter((one) => one.what === "add").map((one) => one.cue))];
    const wanted = audible.flatMap((cueId) => ["started", "finished"].map((what) => ({ what, cueId })));
    assert.deepEqual(told, wanted, `seed ${seed}`);
    assert.equal(table.state(now + 1_000_000, 0).bufferedSeconds, 0);
  }
});

test("while it is paused at most the limit waits, and cues go whole, the oldest first", () => {
  for (let seed = 0; seed < 200; seed++) {
    const next = random(seed);
    const table = timetable({ limitSeconds: 3 });
    /** @type {Map<string, number[]>} */
    const sent = new Map();
    for (let index = 0; index < 20; index++) {
      const cue = `${index}`;
      sent.set(cue, []);
      table.begin(cue);
      for (let number = 0; number < 1 + next() * 12; number++) {
        sent.get(cue)?.push(number);
        table.add(cue, 100, { cue, number }, 0);
        const taken = table.shed(0);
        assert.equal(taken.pieces.length, 0);
        assert.ok(table.state(0, 0).bufferedSeconds <= 3, `seed ${seed}`);
      }
      table.end(cue);
    }
    /** @type {Map<string, Piece[]>} */
    const heard = new Map();
    for (const piece of table.plan(0)) heard.set(piece.sound.cue, [...(heard.get(piece.sound.cue) ?? []), piece]);
    const kept = [...heard.keys()].map(Number);
    assert.deepEqual(kept, Array.from({ length: kept.length }, (_, i) => 20 - kept.length + i), `seed ${seed}`);
    for (const [cue, pieces] of heard) {
      assert.deepEqual(
        pieces.map(({ sound }) => sound.number),
        sent.get(cue),
      );
    }
  }
});

/**
 * A cue that is heard from sample 30 on, and others behind it.
 * @param {Timetable<Sound>} table @param {string[]} cues @param {number} pieces of 100 samples
 */
function fill(table, cues, pieces, wall = 0) {
  for (const cue of cues) {
    table.begin(cue);
    for (let number = 0; number < pieces; number++) table.add(cue, 100, { cue, number }, wall);
    table.end(cue);
  }
}

/** @param {Piece[]} pieces */
function names(pieces) {
  return pieces.map(({ at, sound }) => `${sound.cue}${sound.number}@${at}`);
}

test("a cue begins when a quarter of a second of it is there", () => {
  const table = timetable();
  table.begin("a");
  table.add("a", 100, { cue: "a", number: 0 }, 0);
  table.add("a", 100, { cue: "a", number: 1 }, 0);
  assert.deepEqual(table.plan(1000), []);
  table.add("a", 100, { cue: "a", number: 2 }, 0);
  assert.deepEqual(names(table.plan(1100)), ["a0@1130", "a1@1230", "a2@1330"]);
});

test("a cue that is shorter begins when it has ended", () => {
  const table = timetable();
  table.begin("a");
  table.add("a", 100, { cue: "a", number: 0 }, 0);
  assert.deepEqual(table.plan(0), []);
  table.end("a");
  assert.deepEqual(names(table.plan(10)), ["a0@40"]);
});

test("when sound comes too late it waits for as much again, and the underrun is counted", () => {
  const table = timetable();
  table.begin("a");
  table.add("a", 250, { cue: "a", number: 0 }, 0);
  assert.deepEqual(names(table.plan(0)), ["a0@30"]);
  table.add("a", 100, { cue: "a", number: 1 }, 0);
  assert.deepEqual(table.plan(270), [], "10 samples before the end is too late for the card");
  table.add("a", 150, { cue: "a", number: 2 }, 0);
  assert.deepEqual(names(table.plan(500)), ["a1@530", "a2@630"]);
  assert.equal(table.state(500, 0).underruns, 1);
});

test("pieces of a cue that was not begun, has ended or was taken away are passed over", () => {
  const table = timetable();
  table.add("x", 300, { cue: "x", number: 0 }, 0);
  table.begin("a");
  table.clear(0);
  table.add("a", 300, { cue: "a", number: 0 }, 0);
  table.begin("b");
  table.end("b");
  table.add("b", 300, { cue: "b", number: 0 }, 0);
  assert.deepEqual(table.plan(0), []);
  assert.equal(table.state(0, 0).bufferedSeconds, 0);
});

test("a cue whose end was lost is over when the next begins", () => {
  const table = timetable();
  table.begin("a");
  table.add("a", 100, { cue: "a", number: 0 }, 0);
  table.begin("b");
  table.add("b", 300, { cue: "b", number: 0 }, 0);
  assert.deepEqual(names(table.plan(0)), ["a0@30", "b0@130"]);
});

test("the same cue begun again, after a connection was mended, goes on", () => {
  const table = timetable();
  table.begin("a");
  table.add("a", 300, { cue: "a", number: 0 }, 0);
  table.plan(0);
  table.begin("a");
  table.add("a", 300, { cue: "a", number: 1 }, 0);
  assert.deepEqual(names(table.plan(100)), ["a1@330"]);
});

test("too much while playing: the cue that is heard goes on, the next go, those behind move up", () => {
  const table = timetable({ limitSeconds: 1.5 });
  fill(table, ["a", "b", "c"], 5);
  table.plan(0);
  table.advance(100);
  fill(table, ["d"], 5);
  const taken = table.shed(130);
  assert.equal(taken.cues, 1);
  assert.equal(taken.seconds, 0.5);
  assert.deepEqual(taken.pieces.map(({ sound }) => sound.cue).toSorted(), [..."bbbbbccccc"]);
  assert.deepEqual(names(table.plan(130)).filter((name) => name.includes("0@")), ["c0@530", "d0@1030"]);
});

test("a cue that alone is too much goes as well, and the rest of it is passed over", () => {
  const table = timetable({ limitSeconds: 1 });
  table.begin("a");
  let gone = 0;
  for (let number = 0; number < 15; number++) {
    table.add("a", 100, { cue: "a", number }, 0);
    gone += table.shed(0).seconds;
  }
  assert.equal(gone, 1.1);
  table.end("a");
  fill(table, ["b"], 3);
  assert.deepEqual(names(table.plan(0)), ["b0@30", "b1@130", "b2@230"]);
});

test("skipping to live leaves out all that is complete", () => {
  const table = timetable();
  fill(table, ["a", "b"], 8);
  table.plan(0);
  table.advance(200);
  const taken = table.skip(200);
  assert.equal(taken.cues, 2);
  assert.equal(taken.seconds, 1.43);
  assert.equal(table.state(200, 0).bufferedSeconds, 0);
  fill(table, ["c"], 3);
  assert.deepEqual(names(table.plan(250)), ["c0@280", "c1@380", "c2@480"]);
});

test("skipping to live keeps the last second of a cue that is still coming, and what follows", () => {
  const table = timetable();
  fill(table, ["a"], 8);
  table.begin("b");
  for (let number = 0; number < 15; number++) table.add("b", 100, { cue: "b", number }, 0);
  table.plan(0);
  table.advance(200);
  const taken = table.skip(200);
  assert.equal(taken.cues, 1);
  assert.ok(Math.abs(taken.seconds - (0.63 + 0.5)) < 1e-9);
  assert.deepEqual(names(table.plan(200)).slice(0, 2), ["b5@230", "b6@330"]);
  table.add("b", 100, { cue: "b", number: 15 }, 0);
  assert.deepEqual(names(table.plan(300)), ["b15@1230"]);
});

test("who is live already skips nothing", () => {
  const table = timetable();
  table.begin("a");
  for (let number = 0; number < 6; number++) table.add("a", 100, { cue: "a", number }, 0);
  table.plan(0);
  table.advance(100);
  assert.deepEqual(table.skip(100), { cues: 0, seconds: 0, pieces: [] });
  assert.equal(table.state(100, 0).cueId, "a");
});

test("clearing says what must be silenced, and the next cue begins at once", () => {
  const table = timetable();
  fill(table, ["a"], 4);
  table.plan(0);
  assert.equal(table.clear(50).length, 4);
  fill(table, ["b"], 3);
  assert.equal(names(table.plan(50))[0], "b0@80");
});

test("sound that took too long to be made ready is moved, and what follows with it", () => {
  const table = timetable();
  table.begin("a");
  table.add("a", 300, { cue: "a", number: 0 }, 0);
  const placed = table.plan(0);
  table.postpone(placed, 10);
  assert.deepEqual(names(placed), ["a0@30"], "20 samples before its time it is early enough");
  table.postpone(placed, 90);
  assert.deepEqual(names(placed), ["a0@120"]);
  table.add("a", 100, { cue: "a", number: 1 }, 0);
  assert.deepEqual(names(table.plan(100)), ["a1@420"]);
});

test("the state says what waits, how old the sound is, and which cue is heard", () => {
  const table = timetable();
  fill(table, ["a"], 4, 10);
  fill(table, ["b"], 4, 12);
  table.plan(0);
  assert.deepEqual(table.state(0, 12), { bufferedSeconds: 0.8, behindSeconds: 2, cueId: undefined, underruns: 0 });
  assert.deepEqual(table.state(30, 12.5), { bufferedSeconds: 0.8, behindSeconds: 2.5, cueId: "a", underruns: 0 });
  assert.deepEqual(table.state(480, 13), { bufferedSeconds: 0.35, behindSeconds: 1, cueId: "b", underruns: 0 });
  table.advance(900);
  assert.deepEqual(table.state(900, 20), { bufferedSeconds: 0, behindSeconds: 0, cueId: undefined, underruns: 0 });
});

test("nothing changes while the clock stands still", () => {
  const table = timetable();
  fill(table, ["a"], 4);
  table.plan(0);
  table.advance(130);
  const before = table.state(130, 5);
  assert.deepEqual(table.advance(130), []);
  assert.deepEqual(table.plan(130), []);
  assert.deepEqual(table.state(130, 5), before);
});
