import assert from "node:assert/strict";
import { test } from "node:test";

import { Catalogue, interfaceLanguage, interfaceLanguages, load, on, setInterfaceLanguage, t } from "../../edge/web/interface/i18n.js";

const words = { plain: "Hello, {name}", count: { one: "{count} listener", other: "{count} listeners" } };

test("places are filled, and what nobody fills stays to be seen", () => {
  const catalogue = new Catalogue("en", words);
  assert.equal(catalogue.say("plain", { name: "Ada" }), "Hello, Ada");
  assert.equal(catalogue.say("plain"), "Hello, {name}");
});

test("a name that looks like a place or a pattern is only a name", () => {
  const catalogue = new Catalogue("en", words);
  assert.equal(catalogue.say("plain", { name: "{count} $& <b>" }), "Hello, {count} $& <b>");
});

test("the count chooses the plural of the language, and is written as there", () => {
  assert.equal(new Catalogue("en", words).say("count", { count: 1 }), "1 listener");
  assert.equal(new Catalogue("en", words).say("count", { count: 1234 }), "1,234 listeners");
  assert.equal(new Catalogue("de", words).say("count", { count: 1234 }), "1.234 listeners");
  // In French none is singular.
  assert.equal(new Catalogue("fr", words).say("count", { count: 0 }), "0 listener");
});

test("a plural that is not written falls back to the general one", () => {
  // Spanish has a form of its own for millions.
  assert.match(new Catalogue("es", words).say("count", { count: 1_000_000 }), / listeners$/);
});

test("a key without words is shown as it is", () => {
  assert.equal(new Catalogue("en").say("no.such.key"), "no.such.key");
});

test("words of a page win over common ones", () => {
  assert.equal(new Catalogue("en", { a: "common" }, { a: "page" }).say("a"), "page");
});

test("the first wish that the interface speaks is taken", async () => {
  await load("home", ["ja", "pt-BR", "de"]);
  assert.equal(interfaceLanguage(), "pt");
  assert.equal(t("common.cancel"), "Cancelar");
});

test("who wishes nothing that the interface speaks gets English", async () => {
  await load("home", ["ja", "sw"]);
  assert.equal(t("common.cancel"), "Cancel");
});

test("a page without words of its own says so, rather than nothing", async () => {
  await assert.rejects(load("no-such-page", ["es"]));
});

test("another language is told to who asked to be told", async () => {
  await load("home", ["en"]);
  const heard = /** @type {string[]} */ ([]);
  const off = on("change", () => heard.push(t("common.cancel")));
  await setInterfaceLanguage("fr");
  off();
  await setInterfaceLanguage("de");
  assert.deepEqual(heard, ["Annuler"]);
  assert.ok(interfaceLanguages.includes("de"));
});
