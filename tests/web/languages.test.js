import assert from "node:assert/strict";
import { test } from "node:test";

import { best, direction, languageName, sorted } from "../../edge/web/interface/languages.js";

const cases = /** @type {[string[], string[], string | undefined][]} */ ([
  [["es"], ["en", "es"], "es"],
  [["pt-BR"], ["en", "pt"], "pt"],
  [["pt-BR"], ["pt-PT", "pt-BR"], "pt-BR"],
  [["pt-AO"], ["pt-BR", "pt-PT"], "pt-PT"],
  [["pt"], ["pt-PT", "pt-BR"], "pt-BR"],
  [["es-AR"], ["es-MX", "es"], "es"],
  [["es-419"], ["es-ES", "es-MX"], "es-MX"],
  [["en-GB"], ["en-US"], "en-US"],
  [["zh-HK"], ["zh", "zh-TW"], "zh-TW"],
  [["zh-CN"], ["zh", "zh-TW"], "zh"],
  [["cmn"], ["zh"], "zh"],
  [["nb-NO"], ["no"], "no"],
  [["iw"], ["he"], "he"],
  [["fil"], ["tl"], "tl"],
  [["sr-Latn", "es"], ["sr", "es"], "sr"],
  [["ja", "fr-CA", "es"], ["es", "fr"], "fr"],
  [["ja"], ["es", "fr"], undefined],
  [[], ["es"], undefined],
  [["", "not a code", "es_MX"], ["es"], "es"],
  [["es"], [], undefined],
  [["ES"], ["es"], "es"],
]);

for (const [wanted, offered, expected] of cases) {
  test(`of ${offered.join(" ") || "nothing"}, who wants ${wanted.join(" ") || "nothing"} is served by ${expected}`, () => {
    assert.equal(best(wanted, offered), expected);
  });
}

test("languages are called what their speakers call them, as in a list", () => {
  assert.equal(languageName("es"), "Español");
  assert.equal(languageName("es", "en"), "Spanish");
  // "Brasilianisches Portugiesisch" or "Portugiesisch (Brasilien)", as the browser has it.
  assert.match(languageName("pt-BR", "de"), /^(?=.*ortugiesisch)(?=.*rasil)/);
  assert.equal(languageName("qqq"), "qqq");
  assert.equal(languageName("not a code"), "not a code");
});

test("Turkish capitals have their dot", () => {
  assert.equal(languageName("en", "tr"), "İngilizce");
});

test("scripts that run from right to left are known, whatever the country", () => {
  assert.deepEqual(["ar", "he", "fa-IR", "ur", "ckb"].map(direction), Array(5).fill("rtl"));
  assert.deepEqual(["en", "az", "az-Latn", "ja", "nonsense-code"].map(direction), Array(5).fill("ltr"));
  assert.equal(direction("az-Arab"), "rtl");
});

test("languages are listed once, by what they call themselves", () => {
  const listed = sorted(["pt", "es", "en", "de", "es", "cs"], "en");
  assert.deepEqual(
    listed.map((language) => language.autonym),
    ["Čeština", "Deutsch", "English", "Español", "Português"],
  );
  assert.equal(listed[0]?.name, "Czech");
});
