// The endless stream of `GET /listen/…` in a media element. Hides that it ends when its edge goes away, or the network, and
// is to be loaded again; and that it cannot be paused, only left and joined.

const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [1000, 30_000];
/** The stream has silence where nothing is said: one that brings nothing for so long hangs, and never says that it ended. */
const STALLED_MS = 30_000;

/** One stream at a time, in an element of which it is the only source meanwhile. */
export class PlainStream {
  #element;
  #changed;
  #url = "";
  #tries = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #stall;
  #stopped = new AbortController();

  /**
   * @param {HTMLAudioElement} element
   * @param {(active: boolean) => void} changed it was lost, and is there again
   */
  constructor(element, changed) {
    this.#element = element;
    this.#changed = changed;
  }

  get playing() {
    return (
      !this.#stopped.signal.aborted &&
      !this.#element.paused &&
      this.#element.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA
    );
  }

  /** What the element has and has not played. */
  get bufferedSeconds() {
    const { buffered, currentTime } = this.#element;
    return buffered.length > 0 ? Math.max(0, buffered.end(buffered.length - 1) - currentTime) : 0;
  }

  /**
   * Raises what play() raises.
   * @param {string} url
   * @returns {Promise<boolean>} false: it was left before it began
   */
  async play(url) {
    this.stop();
    this.#url = url;
    this.#stopped = new AbortController();
    const { signal } = this.#stopped;
    this.#load();
    try {
      await this.#element.play();
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
    // From here on it has been played once, so the address is right, and what fails is worth another try.
    this.#element.addEventListener("playing", () => this.#found(), { signal });
    this.#element.addEventListener("waiting", () => this.#stalled(), { signal });
    this.#element.addEventListener("ended", () => this.#lost(), { signal });
    this.#element.addEventListener("error", () => this.#lost(), { signal });
    return !signal.aborted;
  }

  /** Joins the stream again after `stop()`. Raises what play() raises. */
  async resume() {
    if (this.#url) await this.play(this.#url);
  }

  /** Leaves it: nothing is loaded any more. */
  stop() {
    if (this.#stopped.signal.aborted || !this.#url) return;
    this.#stopped.abort();
    clearTimeout(this.#again);
    clearTimeout(this.#stall);
    this.#tries = 0;
    this.#element.pause();
    this.#element.removeAttribute("src");
    this.#element.load();
  }

  #load() {
    this.#element.srcObject = null;
    this.#element.src = this.#url;
    this.#element.load();
  }

  #found() {
    clearTimeout(this.#stall);
    this.#tries = 0;
    this.#changed(true);
  }

  /** Something comes late, or nothing will come any more. */
  #stalled() {
    clearTimeout(this.#stall);
    this.#stall = setTimeout(() => this.#lost(), STALLED_MS);
  }

  #lost() {
    this.#changed(false);
    clearTimeout(this.#again);
    clearTimeout(this.#stall);
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#tries++);
    this.#again = setTimeout(() => {
      this.#load();
      // Refused or lost again: the element's "error" says so, too.
      this.#element.play().catch(() => {});
    }, wait);
  }
}
