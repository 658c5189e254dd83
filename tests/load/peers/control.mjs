// How the load servers written in JavaScript are told what to publish: as tests/load/control.py says.

import { createInterface } from "node:readline";

const MAGIC = 0x5453414c;
const filler = Buffer.from(Array.from({ length: 65536 }, (_, index) => index & 255));
let number = 0n;

// Nanoseconds of CLOCK_MONOTONIC, which Node's clock reads by itself. Bun's counts from its own start.
const hrtime = process.hrtime.bigint;
const offset = globalThis.Bun ? (await monotonic()) - hrtime() : 0n;
const now = () => hrtime() + offset;

async function monotonic() {
  const { dlopen, ptr } = await import("bun:ffi");
  const { symbols } = dlopen("libc.so.6", { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } });
  const time = new BigInt64Array(2);
  symbols.clock_gettime(1, ptr(time));
  return time[0] * 1000000000n + time[1];
}

function frame(size) {
  const payload = Buffer.from(filler.subarray(0, size));
  payload.writeUInt32LE(MAGIC, 0);
  payload.writeUInt32LE(0, 4);
  payload.writeBigUInt64LE(number++, 8);
  payload.writeBigUInt64LE(now(), 16);
  return payload;
}

function obey(line, publish) {
  const [word, , frames, atOnce, microseconds, size] = line.split(" ").map((part, index) => (index ? Number(part) : part));
  if (word !== "publish") throw new Error(`not understood: ${line}`);
  const began = now();
  let left = frames;
  let ticks = 0;
  const tick = () => {
    for (let index = 0; index < atOnce && left; index++, left--) publish(frame(size));
    if (!left) {
      console.log(JSON.stringify({ seconds: Number(now() - began) / 1e9 }));
      return;
    }
    ticks++;
    const wait = ticks * microseconds / 1e3 - Number(now() - began) / 1e6;
    setTimeout(tick, Math.max(0, wait));
  };
  tick();
}

export function serve(port, version, publish) {
  console.log(JSON.stringify({ port, version }));
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => obey(line, publish));
  lines.on("close", () => process.exit(0));
}
