// How much room there is, and what fits: the size of letters and the number of lines, for a wall, a window, or a strip
// of a video.

import { EVEN, luminance } from "./options.js";

/** @import { Options } from "./options.js" */
/** @import { Rolling } from "./rolling.js" */

/** Height of a line, in sizes of a letter: scripts with marks above and below need it. */
const LINE = 1.35;
/** So many sizes of a letter are beside one another, where nobody asked for a size. */
const ACROSS = 24;
/** The same over a picture, of which something is to be seen. */
const ACROSS_PICTURE = 32;
/** In two columns lines are shorter. */
const BESIDE = 0.75;
/** A window so many times as wide as high is a strip of a video: nothing but captions is in it. */
const STRIP = 3;
/** No letter is smaller than this, in CSS pixels, unless asked. */
const LEAST = 18;
/** Part of the height that text may take. */
const FILLED = 0.92;

/**
 * Dresses the page as the address asks.
 * @param {HTMLElement} root
 * @param {Options} options
 */
export function dress(root, options) {
  const { font, align, place, layout, edge, background, color } = options;
  Object.assign(root.dataset, { font, align, place, layout, edge });
  root.dataset.overlay = String(background === "transparent");
  root.style.setProperty("--background", background);
  root.style.setProperty("--color", color);
  // What sets letters off is the opposite of their colour.
  root.style.setProperty("--halo", isDark(color) ? "#ffffff" : "#000000");
}

/**
 * Letters and lines for a room.
 * @param {{width: number, height: number}} column CSS pixels.
 * @param {{lines: number, overlay: boolean, columns: number}} wanted `lines` 0: as many as fit. `columns`: beside one
 *   another.
 * @param {number} asked Size of letters in CSS pixels; 0: as large as is good.
 * @returns {{size: number, line: number, lines: number}} CSS pixels; a line's height is whole, so that lines roll by
 *   whole pixels.
 */
export function fitted({ width, height }, { lines, overlay, columns }, asked) {
  const room = height * FILLED;
  const rows = lines || (overlay ? 2 : 5);
  const picture = overlay && width * columns < height * STRIP;
  const across = (picture ? ACROSS_PICTURE : ACROSS) * (columns > 1 ? BESIDE : 1);
  const size = asked || Math.max(Math.min(width / across, room / (rows * LINE)), LEAST);
  const line = Math.max(Math.round(size * LINE), 1);
  const most = Math.max(Math.floor(height / line), 1);
  return { size, line, lines: Math.min(lines || Math.max(Math.floor(room / line), 1), most) };
}

/** The room of all columns. */
export class Room {
  #scale = 1;
  #observer;
  #stage;
  #options;
  #columns;

  /**
   * @param {HTMLElement} stage Its children are the columns.
   * @param {Options} options
   * @param {Rolling[]} columns
   */
  constructor(stage, options, columns) {
    this.#stage = stage;
    this.#options = options;
    this.#columns = columns;
    this.#observer = new ResizeObserver(() => this.#fit());
    this.#observer.observe(stage);
    this.#fit();
  }

  /** @param {number} scale Text is to be so many times as large as it would be. */
  scale(scale) {
    this.#scale = scale;
    this.#fit();
  }

  /** Ends it. */
  close() {
    this.#observer.disconnect();
  }

  #fit() {
    const { size, lines, background } = this.#options;
    const { clientWidth: width, clientHeight: height } = this.#stage.firstElementChild ?? this.#stage;
    const beside = getComputedStyle(this.#stage).flexDirection === "row" ? this.#columns.length : 1;
    const wanted = { lines, overlay: background === "transparent", columns: beside };
    const asked = pixels(size) || fitted({ width, height }, wanted, 0).size;
    const found = fitted({ width, height }, wanted, asked * this.#scale);
    this.#stage.style.setProperty("--size", `${found.size}px`);
    this.#stage.style.setProperty("--line", `${found.line}px`);
    for (const each of this.#columns) each.resize(found.lines, found.line);
  }
}

/** @param {string} length As options have it: px, vh or vw. */
function pixels(length) {
  const number = Number.parseFloat(length) || 0;
  if (length.endsWith("vh")) return (number * innerHeight) / 100;
  return length.endsWith("vw") ? (number * innerWidth) / 100 : number;
}

/** @param {string} hex */
function isDark(hex) {
  return luminance(hex) < EVEN;
}
