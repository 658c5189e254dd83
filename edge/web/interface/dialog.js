// Dialogs: the browser's own element, which keeps the focus inside, closes on Escape and makes the rest of the page
// silent; and afterwards the focus is where it was.

import { t } from "./i18n.js";

let asked = 0;

/**
 * Shows a dialog until it is closed: by a form of method "dialog", by close(), by Escape, or by a tap beside it.
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<string>} its returnValue; "" when it was left without an answer
 */
export function show(dialog) {
  const before = document.activeElement;
  dialog.returnValue = "";
  const controller = new AbortController();
  const { signal } = controller;
  return new Promise((resolve) => {
    const beside = (/** @type {MouseEvent} */ event) => event.target === dialog && outside(dialog, event);
    // Only a press that begins beside it: who selects text and lets go outside wants nothing closed.
    let pressedBeside = false;
    dialog.addEventListener("pointerdown", (event) => (pressedBeside = beside(event)), { signal });
    dialog.addEventListener("click", (event) => pressedBeside && beside(event) && dialog.close(""), { signal });
    dialog.addEventListener(
      "close",
      () => {
        controller.abort();
        if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
        resolve(dialog.returnValue);
      },
      { signal },
    );
    if (!dialog.open) dialog.showModal();
  });
}

/**
 * Asks a question that is answered by yes or no.
 * @param {object} question
 * @param {string} question.title
 * @param {string} [question.text]
 * @param {string} [question.yes] the words of the button; "OK" where left out
 * @param {string} [question.no]
 * @param {boolean} [question.danger] yes cannot be undone: no has the focus at first
 * @returns {Promise<boolean>}
 */
export async function confirm({ title, text = "", yes = t("common.ok"), no = t("common.cancel"), danger = false }) {
  const dialog = document.createElement("dialog");
  const heading = made("h2", title);
  heading.id = `question-${++asked}`;
  dialog.setAttribute("aria-labelledby", heading.id);
  const form = document.createElement("form");
  form.method = "dialog";
  form.className = "stack";
  form.append(heading);
  if (text) {
    const words = made("p", text);
    words.id = `${heading.id}-text`;
    dialog.setAttribute("aria-describedby", words.id);
    form.append(words);
  }
  const actions = document.createElement("div");
  actions.className = "row actions";
  const refusing = button(no, "no");
  const agreeing = button(yes, "yes");
  agreeing.className = danger ? "danger primary" : "primary";
  (danger ? refusing : agreeing).autofocus = true;
  actions.append(refusing, agreeing);
  form.append(actions);
  dialog.append(form);
  document.body.append(dialog);
  try {
    return (await show(dialog)) === "yes";
  } finally {
    dialog.remove();
  }
}

/**
 * @param {string} words
 * @param {string} value
 */
function button(words, value) {
  const element = made("button", words);
  element.type = "submit";
  element.value = value;
  return element;
}

/**
 * @template {keyof HTMLElementTagNameMap} N
 * @param {N} name
 * @param {string} words
 */
function made(name, words) {
  const element = document.createElement(name);
  element.textContent = words;
  return element;
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {MouseEvent} event
 */
function outside(dialog, event) {
  const box = dialog.getBoundingClientRect();
  const { clientX: x, clientY: y } = event;
  return x < box.left || x > box.right || y < box.top || y > box.bottom;
}
