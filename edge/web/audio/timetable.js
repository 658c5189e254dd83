// What is played when. Pure: told of pieces of cues and of the clock, it says at which sample each piece begins. Hides the
// jitter buffer: a cue begins when a quarter of a second of it is there, or all of it; its pieces then follow each other to
// the sample; when they come too late, it waits for as much again. Cues follow each other as they came.
//
// Time is counted in samples of the sound card (`now`): it stands still while playing is paused, and nothing here changes
// then. `wall`, in seconds of a clock that never stands still, is only for saying how old the sound is.

/** A piece must be placed this long before it sounds: the card takes its sound in advance. The player may say more. */
const GUARD_SECONDS = 0.03;
const LEAD_SECONDS = 0.25;
const LIMIT_SECONDS = 30;
/** How much of a cue that is still coming stays on skipping to live. */
const LIVE_SECONDS = 1;

/**
 * @template Sound
 * @typedef {object} Piece
 * @property {Sound} sound what the caller plays
 * @property {number} count samples
 * @property {number} wall when it came
 * @property {number | undefined} at the sample at which it begins; undefined while it waits
 */

/**
 * @template Sound
 * @typedef {object} Cue
 * @property {string} id
 * @property {Piece<Sound>[]} pieces not yet heard to their end, in order
 * @property {boolean} complete no more will come
 * @property {boolean} placed some of it has been placed
 * @property {boolean} sounding its beginning has been heard
 */

/**
 * What was taken away. `pieces` were placed and must not be played; some of them may be placed again.
 * @template Sound
 * @typedef {{ cues: number, seconds: number, pieces: Piece<Sound>[] }} Taken
 */

/**
 * At most `limitSeconds` wait; beyond that the oldest cues go, whole, those first that have not begun.
 * @template Sound
 */
export class Timetable {
  #rate;
  #lead;
  #guard;
  #limit;
  /** @type {Cue<Sound>[]} */
  #cues = [];
  /** The sample after the last that was placed. */
  #free = 0;
  #underruns = 0;

  /**
   * @param {number} rate samples a second
   * @param {{ leadSeconds?: number, guardSeconds?: number, limitSeconds?: number }} [settings]
   */
  constructor(rate, { leadSeconds = LEAD_SECONDS, guardSeconds = GUARD_SECONDS, limitSeconds = LIMIT_SECONDS } = {}) {
    this.#rate = rate;
    this.#lead = Math.round(leadSeconds * rate);
    this.#guard = Math.round(guardSeconds * rate);
    this.#limit = Math.round(limitSeconds * rate);
  }

  /** The seconds before `now` is too late for a piece. @param {number} guardSeconds */
  set guardSeconds(guardSeconds) {
    this.#guard = Math.round(guardSeconds * this.#rate);
  }

  /** A cue begins; the one before has ended, said or not. The same cue again goes on. @param {string} id */
  begin(id) {
    const last = this.#cues.at(-1);
    if (last?.id === id && !last.complete) return;
    if (last) last.complete = true;
    this.#cues.push({ id, pieces: [], complete: false, placed: false, sounding: false });
  }

  /**
   * The next piece of a cue. Pieces of cues that did not begin here or were taken away are passed over.
   * @param {string} id
   * @param {number} count samples
   * @param {Sound} sound
   * @param {number} wall seconds
   */
  add(id, count, sound, wall) {
    const cue = this.#open(id);
    if (cue && count > 0) cue.pieces.push({ sound, count, wall, at: undefined });
  }

  /** All of a cue is there. @param {string} id */
  end(id) {
    const cue = this.#open(id);
    if (cue) cue.complete = true;
  }

  /**
   * Places what can be placed.
   * @param {number} now samples
   * @returns {Piece<Sound>[]} what was placed, each once, in order; to be played from `at` on
   */
  plan(now) {
    /** @type {Piece<Sound>[]} */
    const placed = [];
    const earliest = now + this.#guard;
    for (const cue of this.#cues) {
      const waiting = cue.pieces.filter((piece) => piece.at === undefined);
      if (waiting.length > 0) {
        const goesOn = cue.placed && this.#free >= earliest;
        if (!goesOn && !cue.complete && samples(waiting) < this.#lead) break;
        if (cue.placed && !goesOn) this.#underruns++;
        this.#free = Math.max(this.#free, earliest);
        for (const piece of waiting) {
          piece.at = this.#free;
          this.#free += piece.count;
          placed.push(piece);
        }
        cue.placed = true;
      }
      if (!cue.complete) break;
    }
    return placed;
  }

  /**
   * Moves what was just placed to as early as it can still be played, if making it ready took too long.
   * @param {Piece<Sound>[]} placed by the last `plan`, and not yet given to the card
   * @param {number} now samples
   */
  postpone(placed, now) {
    const first = placed[0]?.at;
    if (first === undefined || first >= now + this.#guard / 2) return;
    const by = now + this.#guard - first;
    for (const piece of placed) piece.at = (piece.at ?? first) + by;
    this.#free += by;
  }

  /**
   * Forgets what has been heard.
   * @param {number} now samples
   * @returns {{ what: "started" | "finished", cueId: string }[]} cues whose sound began and ended, in order; without sound, neither
   */
  advance(now) {
    /** @type {{ what: "started" | "finished", cueId: string }[]} */
    const told = [];
    for (const cue of [...this.#cues]) {
      const at = cue.pieces[0]?.at;
      if (!cue.sounding && at !== undefined && at <= now) {
        cue.sounding = true;
        told.push({ what: "started", cueId: cue.id });
      }
      while (cue.pieces.length > 0 && ends(cue.pieces[0]) <= now) cue.pieces.shift();
      if (cue.pieces.length > 0 || !cue.complete) break;
      this.#cues.shift();
      if (cue.sounding) told.push({ what: "finished", cueId: cue.id });
    }
    return told;
  }

  /**
   * Brings what waits under the limit.
   * @param {number} now samples
   * @returns {Taken<Sound>} nothing, as a rule; else `plan` again
   */
  shed(now) {
    let waiting = this.#waiting(now);
    if (waiting <= this.#limit) return { cues: 0, seconds: 0, pieces: [] };
    const pieces = this.#revoke(now);
    let cues = 0;
    let gone = 0;
    for (const cue of [...this.#cues.filter((one) => !one.placed), ...this.#cues.filter((one) => one.placed)]) {
      if (waiting <= this.#limit) break;
      // Also of a cue that is heard now, if it is alone too much: what is left of it.
      pieces.push(...cue.pieces.filter((piece) => piece.at !== undefined));
      const rest = remaining(cue, now);
      waiting -= rest;
      gone += rest;
      cues++;
      this.#cues.splice(this.#cues.indexOf(cue), 1);
    }
    if (!this.#cues.some((cue) => cue.placed)) this.#free = now;
    return { cues, seconds: gone / this.#rate, pieces };
  }

  /**
   * Skips to what is said now: of all that waits only the end of a cue that is still coming stays, at most a second.
   * @param {number} now samples
   * @returns {Taken<Sound>} then `plan` again
   */
  skip(now) {
    const live = this.#cues.at(-1);
    const stays = live && !live.complete ? live : undefined;
    const before = this.#waiting(now);
    // A cue that is heard and has little more in hand is live already.
    const untouched = stays?.placed && stays === this.#cues[0] && remaining(stays, now) <= LIVE_SECONDS * this.#rate;
    if (untouched) return { cues: 0, seconds: 0, pieces: [] };
    const pieces = this.#cues.flatMap((cue) => cue.pieces.filter((piece) => piece.at !== undefined));
    const cues = this.#cues.filter((cue) => cue !== stays && cue.pieces.length > 0).length;
    this.#cues = stays ? [stays] : [];
    if (stays) {
      for (const piece of stays.pieces) piece.at = undefined;
      while (samples(stays.pieces) > LIVE_SECONDS * this.#rate) stays.pieces.shift();
      stays.placed = false;
    }
    this.#free = now;
    return { cues, seconds: (before - this.#waiting(now)) / this.#rate, pieces };
  }

  /** Takes all away. @param {number} now samples @returns {Piece<Sound>[]} what had been placed */
  clear(now) {
    const pieces = this.#cues.flatMap((cue) => cue.pieces.filter((piece) => piece.at !== undefined));
    this.#cues = [];
    this.#free = now;
    return pieces;
  }

  /**
   * @param {number} now samples
   * @param {number} wall seconds
   * @returns {{ bufferedSeconds: number, behindSeconds: number, cueId: string | undefined, underruns: number }}
   *   what waits to be heard; how long ago the sound that is heard now, or next, came; the cue that is heard now
   */
  state(now, wall) {
    const next = this.#cues.flatMap((cue) => cue.pieces).find((piece) => ends(piece) > now);
    const heard = this.#cues.find((cue) =>
      cue.pieces.some((piece) => piece.at !== undefined && piece.at <= now && now < ends(piece)),
    );
    return {
      bufferedSeconds: this.#waiting(now) / this.#rate,
      behindSeconds: next ? Math.max(0, wall - next.wall) : 0,
      cueId: heard?.id,
      underruns: this.#underruns,
    };
  }

  /** @param {string} id */
  #open(id) {
    const last = this.#cues.at(-1);
    return last?.id === id && !last.complete ? last : undefined;
  }

  /** @param {number} now */
  #waiting(now) {
    return this.#cues.reduce((sum, cue) => sum + remaining(cue, now), 0);
  }

  /** Cues that have been placed but not begun wait again. @param {number} now */
  #revoke(now) {
    /** @type {Piece<Sound>[]} */
    const revoked = [];
    for (const cue of this.#cues) {
      const at = cue.pieces[0]?.at;
      if (!cue.placed || cue.sounding || at === undefined || at <= now + this.#guard) continue;
      for (const piece of cue.pieces.filter((one) => one.at !== undefined)) {
        revoked.push(piece);
        this.#free = Math.min(this.#free, piece.at ?? this.#free);
        piece.at = undefined;
      }
      cue.placed = false;
    }
    return revoked;
  }
}

/** @param {Piece<any>[]} pieces */
function samples(pieces) {
  return pieces.reduce((sum, piece) => sum + piece.count, 0);
}

/** @param {Piece<any>} piece */
function ends(piece) {
  return piece.at === undefined ? Number.POSITIVE_INFINITY : piece.at + piece.count;
}

/** Samples of a cue not yet heard. @param {Cue<any>} cue @param {number} now */
function remaining(cue, now) {
  return cue.pieces.reduce(
    (sum, { at, count }) => sum + (at === undefined ? count : Math.min(count, Math.max(0, at + count - now))),
    0,
  );
}
