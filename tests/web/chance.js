// What tests try by chance, the same in each run: what a seed brings about is found again by that seed.

import { random } from "./random.js";

/** @param {number} seed */
export function chance(seed) {
  const next = random(seed);
  return {
    next,
    /**
     * From `least` to `most`, both included.
     * @param {number} least
     * @param {number} most
     */
    whole: (least, most) => least + Math.floor(next() * (most - least + 1)),
    /**
     * @template T
     * @param {readonly T[]} all
     * @returns {T}
     */
    one: (all) => all[Math.floor(next() * all.length)],
    /**
     * @template T
     * @param {readonly T[]} all
     * @returns {T[]}
     */
    shuffled(all) {
      const mixed = [...all];
      for (let at = mixed.length - 1; at > 0; at -= 1) {
        const other = Math.floor(next() * (at + 1));
        [mixed[at], mixed[other]] = [mixed[other], mixed[at]];
      }
      return mixed;
    },
  };
}
