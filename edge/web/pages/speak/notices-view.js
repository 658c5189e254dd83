// The notices on the page: each has its own line that stays where it is until it is over, and is said once to who does
// not see it.

import { announce } from "../../interface/announcer.js";
import { t } from "../../interface/i18n.js";
import { known, words } from "../../interface/problems.js";
import { Notices } from "./notices.js";

/** @import { Notice } from "./notices.js" */

const LOOK_EVERY_MS = 1000;
/** How each level looks. */
const LOOKS = { warning: "warning", trouble: "problem", lost: "problem", good: "success" };
/** What must be heard at once, into the middle of a sentence. */
const ASSERTIVE = new Set(["trouble", "lost"]);

export class NoticesView {
  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
    this.notices = new Notices();
    /** @type {Map<string, HTMLElement>} */
    this.lines = new Map();
    this.timer = setInterval(() => this.update(() => this.notices.tick(Date.now())), LOOK_EVERY_MS);
  }

  /**
   * Changes the notices, and shows what has become of them.
   *
   * @param {(notices: Notices, now: number) => void} change
   */
  update(change) {
    change(this.notices, Date.now());
    const current = this.notices.current;
    const keys = new Set(current.map(({ key }) => key));
    for (const [key, line] of this.lines) {
      if (keys.has(key)) continue;
      line.remove();
      this.lines.delete(key);
    }
    for (const notice of current) this.#show(notice);
  }

  close() {
    clearInterval(this.timer);
    this.list.replaceChildren();
    this.lines.clear();
  }

  /** @param {Notice} notice */
  #show(notice) {
    let line = this.lines.get(notice.key);
    const text = told(notice);
    if (line?.textContent === text) return;
    if (!line) {
      line = document.createElement("li");
      line.className = `notice ${LOOKS[notice.level]}`;
      line.dataset.notice = notice.key;
      this.lines.set(notice.key, line);
      this.list.append(line);
      announce(text, { assertive: ASSERTIVE.has(notice.level) });
    }
    line.textContent = text;
  }
}

/** @param {Notice} notice */
function told({ words: key, values }) {
  if (!known.codes.includes(key)) return t(key, values);
  const { title, advice } = words({ code: key });
  return `${title}. ${advice}`;
}
