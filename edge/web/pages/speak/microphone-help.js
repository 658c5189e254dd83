// What to do when there is no sound, in the words of the browser at hand: where it hides the permission differs in each.
// Pure but for the catalogue.

import { t } from "../../interface/i18n.js";
import { words } from "../../interface/problems.js";

/** Without these nothing that the person does to the microphone helps, but other sounds can be broadcast. */
const HOPELESS = new Set(["insecure", "unsupported"]);

/**
 * @param {unknown} error a MicrophoneProblem
 * @param {string} userAgent
 * @returns {{title: string, advice: string[], mayHelp: boolean}} `mayHelp`: whether trying again makes sense
 */
export function helpFor(error, userAgent) {
  const name = String(/** @type {{name?: string} | null} */ (error)?.name ?? "");
  const { title, advice } = words({ name });
  const more = [];
  // The general advice would only say the same, less exactly.
  if (name === "denied") more.push(t(`microphone.denied.${browserOf(userAgent)}`), t("microphone.denied.system"));
  else more.push(advice);
  if (name === "insecure") more.push(t("microphone.insecure.how"));
  return { title, advice: [...more, t("microphone.otherwise")], mayHelp: !HOPELESS.has(name) };
}

/**
 * Which of the ways to the permission there is.
 *
 * @param {string} userAgent
 * @returns {"ios" | "android" | "firefox" | "safari" | "chrome"}
 */
export function browserOf(userAgent) {
  if (/iPhone|iPad|iPod/.test(userAgent)) return "ios";
  if (/Android/.test(userAgent)) return "android";
  if (/Firefox\//.test(userAgent)) return "firefox";
  return /Safari\//.test(userAgent) && !/Chrom(e|ium)\//.test(userAgent) ? "safari" : "chrome";
}
