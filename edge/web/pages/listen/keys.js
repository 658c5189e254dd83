// Single keys for who listens at a computer: Space pauses, M mutes. They mean this only while no field, button or dialog
// has the focus, where the same keys mean something else, and can be switched off: who dictates would press them unawares.

/**
 * What of a keyboard event matters.
 * @typedef {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "isComposing" | "repeat">} Pressed
 */

/** @type {Readonly<Record<string, readonly string[]>>} The keys of each action; the first is the one that is shown. */
export const KEYS = Object.freeze({
  pause: [" ", "k"],
  mute: ["m"],
  live: ["l"],
  larger: ["+", "="],
  smaller: ["-", "−"],
});

const BUSY = "a[href], button, input, select, textarea, summary, dialog, [contenteditable], [role='slider']";
/** With these a focused button or link does what it is for; other keys mean nothing to it. */
const FOR_BUTTONS = new Set([" ", "Enter"]);
const TYPING =
  "input:not([type='checkbox'], [type='radio'], [type='button']), select, textarea, dialog, [contenteditable]";

/**
 * The action that a key stands for.
 * @param {Pressed} event
 * @param {Element | null} focused
 * @returns {string | undefined}
 */
export function actionOf(event, focused) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return undefined;
  if (focused?.closest(FOR_BUTTONS.has(event.key) ? BUSY : TYPING)) return undefined;
  const key = event.key.toLowerCase();
  return Object.keys(KEYS).find((action) => KEYS[action]?.includes(key));
}

/**
 * Listens for keys.
 * @param {() => boolean} on
 * @param {Readonly<Record<string, () => void>>} handlers by action
 * @returns {() => void} ends it
 */
export function listenForKeys(on, handlers) {
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const action = on() ? actionOf(event, document.activeElement) : undefined;
    const handler = action === undefined ? undefined : handlers[action];
    if (!handler) return;
    // Space would scroll.
    event.preventDefault();
    handler();
  };
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}
