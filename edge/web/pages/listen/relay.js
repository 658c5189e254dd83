/**
 * Lets the voice of one listener follow that of another without a gap, an overlap or a cue cut in two.
 *
 * A language, the original beside it or the kind of sound is changed by a second connection that takes the place of the
 * first (`refreshConnection`): the server lets the first bring the cue under way to its end, and gives the second all
 * from the next cue on. What the second brings waits here until the first has brought its end. Pure.
 *
 * @typedef {{kind: "start", cueId: string, cue: {cueId: string, language: string}}
 *   | {kind: "audio", cueId: string, samples: Float32Array, sampleRate: number}
 *   | {kind: "end", cueId: string, cut: boolean}} Piece
 */

/** Seconds of sound that wait at most. Then the first is given up: what it still has is too old to be missed. */
export const MOST_SECONDS = 20;

/** One voice made of that of successive sources, which are told apart by any object. */
export class Relay {
  /** Those who are heard or will be, in their order; the first is heard now. @type {Turn[]} */
  #line = [];
  /** The cue of the first that was begun and has not ended. */
  #cueId = "";

  /** Whether a source still waits for the one before. */
  get waiting() {
    return this.#line.length > 1;
  }

  /**
   * `source` follows: at once where the present one is between cues, else after its cue.
   * @param {object} source
   * @returns {Piece[]} what can be heard now
   */
  follow(source) {
    this.#line.push({ source, held: [], heldSeconds: 0 });
    return this.#cueId === "" ? this.#next() : [];
  }

  /**
   * @param {object} source
   * @param {Piece} piece
   * @returns {Piece[]} what can be heard now
   */
  receive(source, piece) {
    const place = this.#line.findIndex((turn) => turn.source === source);
    const turn = this.#line[place];
    if (turn === undefined) return [];
    return place === 0 ? this.#hear(piece) : this.#hold(turn, piece);
  }

  /**
   * Nothing more comes of `source`. A cue that it leaves open is ended, as cut.
   * @param {object} source
   * @returns {Piece[]} what can be heard now
   */
  gone(source) {
    const [first, ...others] = this.#line;
    if (first?.source === source) return others.length > 0 ? this.#next() : this.#cut();
    return [];
  }

  /** @param {Piece} piece @returns {Piece[]} */
  #hear(piece) {
    if (piece.kind === "start") {
      // It begins a cue after it was to give way: the next source has that too.
      if (this.waiting) return this.#next();
      this.#cueId = piece.cueId;
    } else if (piece.cueId !== this.#cueId) {
      return [];
    }
    if (piece.kind !== "end") return [piece];
    this.#cueId = "";
    return this.waiting ? [piece, ...this.#next()] : [piece];
  }

  /** @param {Turn} turn @param {Piece} piece @returns {Piece[]} */
  #hold(turn, piece) {
    turn.held.push(piece);
    if (piece.kind === "audio") turn.heldSeconds += piece.samples.length / piece.sampleRate;
    return turn.heldSeconds > MOST_SECONDS ? this.#next() : [];
  }

  /** The first gives up its place; who comes next and is between cues with others behind it, too. @returns {Piece[]} */
  #next() {
    const heard = this.#cut();
    if (this.#line.length > 1) this.#line.shift();
    const held = this.#line[0]?.held.splice(0) ?? [];
    heard.push(...held);
    const last = held.at(-1);
    this.#cueId = last === undefined || last.kind === "end" ? "" : last.cueId;
    return this.#cueId === "" && this.waiting ? [...heard, ...this.#next()] : heard;
  }

  /** @returns {Piece[]} */
  #cut() {
    const cueId = this.#cueId;
    this.#cueId = "";
    return cueId === "" ? [] : [{ kind: "end", cueId, cut: true }];
  }
}

/** @typedef {{source: object, held: Piece[], heldSeconds: number}} Turn */
