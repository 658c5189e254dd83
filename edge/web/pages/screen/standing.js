// How a broadcast stands, of all that its feeds say: one word, the weightiest. A short loss is not told: captions that
// come a second later are no news to a hall.

/** @import { Feed } from "./feed.js" */

/** @typedef {"" | "paused" | "muted" | "ended" | "away"} Word */

/** A loss that is mended within this is not told. */
const PATIENCE_MS = 4_000;

/** The standing of one page. */
export class Standing {
  /** @type {Set<Feed>} */
  #away = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #patient = true;
  #paused = false;
  #muted = false;
  #ended = false;
  #tell;

  /** @param {(word: Word) => void} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /** @param {Feed} feed */
  watch(feed) {
    feed.on("state", ({ isPaused, isMuted }) => {
      this.#paused = isPaused;
      this.#muted = isMuted;
      this.#say();
    });
    feed.on("ended", () => {
      this.#ended = true;
      this.#say();
    });
    feed.on("standing", ({ away }) => {
      if (away) this.#away.add(feed);
      else this.#away.delete(feed);
      this.#wait();
      this.#say();
    });
  }

  /** Ends its timer. */
  close() {
    clearTimeout(this.#timer);
  }

  #wait() {
    if (!this.#away.size) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#patient = true;
    } else {
      this.#timer ??= setTimeout(() => {
        this.#patient = false;
        this.#say();
      }, PATIENCE_MS);
    }
  }

  #say() {
    if (this.#ended) this.#tell("ended");
    else if (this.#away.size && !this.#patient) this.#tell("away");
    else this.#tell(this.#paused ? "paused" : this.#muted ? "muted" : "");
  }
}
