// The lock screen, the notification and the buttons of headphones. Hides Media Session, which knows other actions in each
// browser, or is not there.

/** @typedef {"play" | "pause" | "stop"} Action */

/** One page's entry. */
export class LockScreen {
  #session = /** @type {Navigator & { mediaSession?: MediaSession }} */ (navigator).mediaSession;
  #words;
  #pressed;
  #shown = false;

  /**
   * @param {{ title: string, artist: string }} words
   * @param {(action: Action) => void} pressed called in what counts as a tap
   */
  constructor(words, pressed) {
    this.#words = words;
    this.#pressed = pressed;
  }

  /** @param {boolean} playing */
  show(playing) {
    if (!this.#session) return;
    if (!this.#shown) {
      this.#shown = true;
      if (globalThis.MediaMetadata) this.#session.metadata = new MediaMetadata(this.#words);
      this.#handle((action) => () => this.#pressed(action));
    }
    this.#session.playbackState = playing ? "playing" : "paused";
  }

  close() {
    if (!this.#session || !this.#shown) return;
    this.#session.metadata = null;
    this.#session.playbackState = "none";
    this.#handle(() => null);
  }

  /** @param {(action: Action) => (() => void) | null} handlerOf */
  #handle(handlerOf) {
    for (const action of /** @type {Action[]} */ (["play", "pause", "stop"])) {
      try {
        this.#session?.setActionHandler(action, handlerOf(action));
      } catch {
        // A browser that has no such button.
      }
    }
  }
}
