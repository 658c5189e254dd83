import assert from "node:assert/strict";
import { test } from "node:test";
import { LONGEST_TERM, MOST_TERMS, mistakes, parsedLines, rowsOf, toTerms } from "../../edge/web/pages/speak/glossary.js";

/** @param {string} source @param {string} [target] @param {string} [language] */
const row = (source, target = "", language = "") => ({ source, target, language });

test("lines are taken in the forms that people write", () => {
  const text = [
    "Ebenezer",
    "grace → gracia (es)",
    "grace -> grâce [fr]",
    "Holy Spirit = Espírito Santo",
    "cell\tcélula\tpt-BR",
    "cell;cellule;fr",
    "",
    "   ",
    "Acts (of the Apostles)",
    "Trust (es)",
  ].join("\r\n");
  assert.deepEqual(parsedLines(text), [
    row("Ebenezer"),
    row("grace", "gracia", "es"),
    row("grace", "grâce", "fr"),
    row("Holy Spirit", "Espírito Santo"),
    row("cell", "célula", "pt-BR"),
    row("cell", "cellule", "fr"),
    row("Acts (of the Apostles)"),
    row("Trust (es)"),
  ]);
});

test("what the server would refuse is found at its row, and empty rows are no mistake", () => {
  const rows = [
    row("", ""),
    row("…"),
    row("", "gracia"),
    row("a".repeat(LONGEST_TERM)),
    row("a".repeat(LONGEST_TERM + 1)),
    row("a", "b".repeat(LONGEST_TERM + 1)),
    row("a", "b", "Spanish!"),
    row("a", "b", "pt-BR"),
  ];
  assert.deepEqual(
    [...mistakes(rows)],
    [
      [1, "words"],
      [2, "words"],
      [4, "long"],
      [5, "long"],
      [6, "language"],
    ],
  );
});

test("characters are counted as the server counts them", () => {
  assert.equal(mistakes([row(`a${"🜁".repeat(LONGEST_TERM - 1)}`)]).size, 0);
});

test("terms beyond the most that a glossary holds are a mistake", () => {
  const rows = Array.from({ length: MOST_TERMS + 1 }, (_, number) => row(`term ${number}`));
  assert.deepEqual([...mistakes(rows)], [[MOST_TERMS, "many"]]);
  assert.equal(mistakes([row(""), ...rows.slice(1)]).size, 0);
});

test("terms are sent tidied, without what was left empty", () => {
  assert.deepEqual(toTerms([row("  Holy\tSpirit ", "", ""), row("", ""), row("grace", " gracia ", "es")]), [
    { source: "Holy Spirit" },
    { source: "grace", target: "gracia", language: "es" },
  ]);
});

test("what was stored by another hand breaks nothing", () => {
  assert.deepEqual(rowsOf({ 0: "x" }), []);
  assert.deepEqual(rowsOf([null, { source: 5 }, "x"]), [row(""), row("5"), row("")]);
  assert.equal(rowsOf(Array.from({ length: 9_999 }, () => row("a"))).length, MOST_TERMS);
});
