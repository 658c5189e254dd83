// The first page: to a session by its name, to the speaker's page, and what can be spoken and heard here.

import { interfaceLanguage, load, on } from "../interface/i18n.js";
import { sorted } from "../interface/languages.js";
import { languagePicker } from "../interface/picker.js";
import { joinForm } from "./home/form.js";

/** @typedef {{code: string, targets: {code: string}[]}} Source */

/** @type {Source[]} */
let offered = [];

await load("home");
joinForm(/** @type {HTMLFormElement} */ (document.querySelector("form")));
languagePicker(/** @type {HTMLSelectElement} */ (document.getElementById("interface-language")));
on("change", showLanguages);
try {
  offered = (await (await fetch("/api/languages")).json()).sources ?? [];
  showLanguages();
} catch {
  // The list is for information; without it the page does all that it is for.
}

/** What is spoken here and what it can be heard in. */
function showLanguages() {
  const spoken = offered.map((source) => source.code);
  const heard = offered.flatMap((source) => source.targets.map((target) => target.code));
  for (const [id, codes] of /** @type {[string, string[]][]} */ ([
    ["spoken", spoken],
    ["heard", heard],
  ])) {
    const items = sorted(codes, interfaceLanguage()).map(({ code, autonym, name }) => {
      const item = document.createElement("li");
      item.className = "badge";
      item.lang = code;
      item.textContent = autonym;
      if (name !== autonym) item.title = name;
      return item;
    });
    document.getElementById(id)?.replaceChildren(...items);
  }
  const section = document.getElementById("languages");
  if (section) section.hidden = spoken.length === 0;
}
