// What whoever stands at the projector can do: full screen, larger, smaller. Nothing of it is seen, nor the pointer,
// unless the pointer moves or a key leads there.

import { t } from "../../interface/i18n.js";

/** How long after the last movement the pointer and the buttons go. */
const IDLE_MS = 2_500;
/** A step of size. */
const STEP = 1.1;
/** Four corners, drawn: not every system has the letter for it. */
const CORNERS = "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5";
const SCALES = { least: 0.4, most: 3 };

/** The controls of one page. */
export class Controls {
  #scale = 1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #idle;
  #ending = new AbortController();
  #root;
  #resized;

  /**
   * @param {HTMLElement} root The whole page.
   * @param {HTMLElement} stage Where a click means full screen.
   * @param {HTMLElement} bar Gets the buttons.
   * @param {(scale: number) => void} resized Text is to be so many times as large as it would be.
   */
  constructor(root, stage, bar, resized) {
    this.#root = root;
    this.#resized = resized;
    const { signal } = this.#ending;
    bar.append(
      this.#button("smaller", "A−", "−", () => this.#resize(1 / STEP)),
      this.#button("larger", "A+", "+", () => this.#resize(STEP)),
      this.#button("full", icon(CORNERS), "F", () => this.#full()),
    );
    root.addEventListener("pointermove", () => this.#moved(), { signal });
    stage.addEventListener("click", () => this.#full(), { signal });
    document.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    root.classList.add("idle");
  }

  /** Ends timers and listeners. */
  close() {
    this.#ending.abort();
    clearTimeout(this.#idle);
  }

  #moved() {
    this.#root.classList.remove("idle");
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#root.classList.add("idle"), IDLE_MS);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
    if (event.key.toLowerCase() === "f") this.#full();
    else if (event.key === "+" || event.key === "=") this.#resize(STEP);
    else if (event.key === "-" || event.key === "−") this.#resize(1 / STEP);
    else return;
    event.preventDefault();
  }

  /** @param {number} by */
  #resize(by) {
    this.#scale = Math.min(Math.max(this.#scale * by, SCALES.least), SCALES.most);
    this.#resized(this.#scale);
  }

  #full() {
    // An iPhone has none, and a browser may refuse; the captions are there all the same.
    const done = document.fullscreenElement ? document.exitFullscreen() : this.#root.requestFullscreen?.();
    done?.catch(() => undefined);
  }

  /**
   * @param {"smaller" | "larger" | "full"} name
   * @param {string | Element} face
   * @param {string} key
   * @param {() => void} action
   */
  #button(name, face, key, action) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.action = name;
    button.append(face);
    button.ariaKeyShortcuts = key;
    const label = t(`screen.${name}`);
    button.setAttribute("aria-label", label);
    button.title = `${label} (${key})`;
    button.addEventListener("click", action, { signal: this.#ending.signal });
    return button;
  }
}

/** @param {string} path In a square of 24. */
function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  const line = drawing.appendChild(document.createElementNS(space, "path"));
  for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", width: "24", height: "24" })) {
    drawing.setAttribute(name, value);
  }
  drawing.setAttribute("aria-hidden", "true");
  for (const [name, value] of Object.entries({ d: path, fill: "none", stroke: "currentColor", "stroke-width": "2" })) {
    line.setAttribute(name, value);
  }
  return drawing;
}
