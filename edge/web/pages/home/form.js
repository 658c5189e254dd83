// The field in which somebody says where they want to listen. The server is asked before we go there, so that a wrong
// name is told where it can be mended; if it does not answer we go all the same, and the page there tells.

import { t } from "../../interface/i18n.js";
import { words } from "../../interface/problems.js";
import { sessionName } from "./joining.js";

const PATIENCE_MS = 5_000;

/**
 * Takes care of a form with an input `session`, and an element of class `error` that the input names as its message.
 * @param {HTMLFormElement} form
 * @param {(name: string) => void} [go] where to; the session's page
 */
export function joinForm(form, go = (name) => location.assign(`/s/${name}`)) {
  const input = /** @type {HTMLInputElement} */ (form.elements.namedItem("session"));
  const message = /** @type {HTMLElement} */ (form.querySelector(".error"));
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  let asking = false;

  /** @param {string} text */
  const refuse = (text) => {
    message.textContent = text;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  };
  input.addEventListener("input", () => {
    message.textContent = "";
    input.removeAttribute("aria-invalid");
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (asking) return;
    const name = sessionName(input.value);
    if (!name) return refuse(input.value.trim() ? words({ code: "INVALID_SESSION_ID" }).advice : t("join.empty"));
    input.value = name;
    asking = true;
    button.setAttribute("aria-busy", "true");
    const problem = await problemWith(name);
    asking = false;
    button.removeAttribute("aria-busy");
    if (!problem) return go(name);
    const told = words(problem);
    refuse(`${told.title}. ${told.advice}`);
  });
}

/**
 * Why one cannot listen to a session, as far as the server knows.
 * @param {string} name
 * @returns {Promise<{code?: string, retryAfter?: number} | undefined>}
 */
async function problemWith(name) {
  try {
    const answer = await fetch(`/api/sessions/${name}`, { signal: timeLimit(PATIENCE_MS), cache: "no-store" });
    const told = await answer.json();
    if (answer.ok) return told.live ? undefined : { code: "SESSION_NOT_FOUND" };
    // Too many look-ups, or a store that is down: the session's page can do without, and tells what it cannot.
    return answer.status === 404 || answer.status === 400 ? told : undefined;
  } catch {
    return undefined;
  }
}

/** @param {number} ms */
function timeLimit(ms) {
  // Safari 16.0 has no AbortSignal.timeout... but AbortController has always been there.
  const controller = new AbortController();
  setTimeout(() => controller.abort(), ms);
  return controller.signal;
}
