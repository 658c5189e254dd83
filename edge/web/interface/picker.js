// The choice of the interface's language, for any page.

import { interfaceLanguages, languageName, on, preferred, setInterfaceLanguage, t } from "./i18n.js";

/**
 * Fills a select with the interface's languages, by their own names, and does what is chosen there.
 * @param {HTMLSelectElement} select with a label of its own
 */
export function languagePicker(select) {
  const fill = () => {
    const own = new Option(t("common.browserLanguage"), "");
    const others = interfaceLanguages.map((code) => {
      const option = new Option(languageName(code), code);
      option.lang = code;
      return option;
    });
    select.replaceChildren(own, ...others);
    select.value = preferred();
  };
  fill();
  on("change", fill);
  select.addEventListener("change", () => void setInterfaceLanguage(select.value));
}
