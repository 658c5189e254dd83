// What the pages say, against what they ask for: every language has the same keys and places, and every key that the
// markup or a script names has words.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { interfaceLanguages } from "../../edge/web/interface/i18n.js";

/** @typedef {import("../../edge/web/interface/i18n.js").Words} Words */

const WEB = fileURLToPath(new URL("../../edge/web/", import.meta.url));
const WORDS = join(WEB, "interface/words");
const files = readdirSync(WORDS).filter((name) => name.endsWith(".js"));
const names = [...new Set(files.map((name) => name.split(".")[0] ?? ""))];

/**
 * @param {string} name
 * @param {string} language
 * @returns {Promise<Words>}
 */
async function catalogue(name, language) {
  return (await import(join(WORDS, `${name}.${language}.js`))).default;
}

/** @param {string} name */
function read(name) {
  return readFileSync(join(WEB, name), "utf-8");
}

/** @param {import("../../edge/web/interface/i18n.js").Entry} entry */
function texts(entry) {
  return typeof entry === "string" ? [entry] : Object.values(entry);
}

/** @param {string} text */
function places(text) {
  return new Set([...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]));
}

/**
 * A module with all that it imports, also later.
 * @param {string} entry
 */
function modules(entry) {
  const found = [entry];
  for (const name of found) {
    for (const [, target = ""] of read(name).matchAll(/^(?:import|export)\b[^"'`;]*["'](\.[^"']+)["']|\bimport\(["'](\.[^"']+)["']\)/gm)) {
      const path = normalize(join(dirname(name), target));
      if (target && !found.includes(path)) found.push(path);
    }
  }
  return found;
}

for (const name of names) {
  test(`the words of ${name} are there in every language, with the same keys and places`, async () => {
    const english = await catalogue(name, "en");
    for (const language of interfaceLanguages) {
      const words = await catalogue(name, language);
      assert.deepEqual(Object.keys(words).sort(), Object.keys(english).sort(), `${name}.${language}`);
      for (const [key, entry] of Object.entries(words)) {
        const expected = new Set(texts(english[key] ?? "").flatMap((text) => [...places(text)]));
        for (const text of texts(entry)) {
          assert.ok(text.trim(), `${language} ${key} is empty`);
          assert.doesNotMatch(text, /<|\$\{/, `${language} ${key}: words are text`);
          for (const place of places(text)) assert.ok(expected.has(place), `${language} ${key}: {${place}}`);
        }
        const all = new Set(texts(entry).flatMap((text) => [...places(text)]));
        assert.deepEqual([...all].sort(), [...expected].sort(), `${language} ${key}`);
      }
    }
  });

  test(`plurals of ${name} have the forms that each language has`, async () => {
    for (const language of interfaceLanguages) {
      const forms = new Set(new Intl.PluralRules(language).resolvedOptions().pluralCategories);
      for (const [key, entry] of Object.entries(await catalogue(name, language))) {
        if (typeof entry === "string") continue;
        assert.ok(entry.other, `${language} ${key} has no general form`);
        // "many" is for millions in Romance languages; the general form serves.
        const needed = [...forms].filter((form) => form !== "many");
        for (const form of needed) assert.ok(form in entry, `${language} ${key} has no form "${form}"`);
        for (const form of Object.keys(entry)) assert.ok(forms.has(/** @type {Intl.LDMLPluralRule} */ (form)), `${language} ${key}: ${form}`);
      }
    }
  });
}

/**
 * @param {string} name
 * @returns {Promise<Words>}
 */
async function english(name) {
  const all = await Promise.all(["common", "problems", name].map((each) => catalogue(each, "en")));
  return Object.assign({}, ...all);
}

for (const page of readdirSync(WEB).filter((name) => name.endsWith(".html"))) {
  test(`every key that ${page} and its scripts name has words`, async () => {
    const markup = read(page);
    const entries = [...markup.matchAll(/<script\b[^>]*src="\$assets\/([^"]+)"/g)].map((found) => found[1] ?? "");
    assert.ok(entries.length, `${page} has no script`);
    const sources = [...new Set(entries.flatMap(modules))].map((name) => [name, read(name)]);
    const loaded = sources.flatMap(([, source]) => [...(source ?? "").matchAll(/\bload\("(\w+)"\)/g)].map((found) => found[1] ?? ""));
    assert.equal(loaded.length, 1, `${page} loads ${loaded}`);
    const words = await english(loaded[0] ?? "");
    const keys = new Set(Object.keys(words));
    const marked = [...markup.matchAll(/\bdata-t(?:-\w+)?="([^"]*)"/g)].map((found) => found[1] ?? "");
    for (const key of marked) assert.ok(keys.has(key), `${page} names ${key}`);
    // The markup is the English page: what scripts say there in English is what stands there.
    for (const [, key = "", text = ""] of markup.matchAll(/<[a-z][^<>]*\sdata-t="([^"]+)"[^<>]*>([^<]+)</g)) {
      const said = words[key] ?? "";
      if (places(String(said)).size) continue; // A script fills them in.
      assert.equal(text.replace(/\s+/g, " ").replaceAll("&amp;", "&"), said, `${page}: ${key}`);
    }
    for (const [name, source = ""] of sources) {
      for (const [, key = ""] of source.matchAll(/\bt\(\s*"([^"]+)"/g)) assert.ok(keys.has(key), `${name} says ${key}`);
      // Of a key that is put together at least the beginning is known.
      for (const [, start = ""] of source.matchAll(/\bt\(\s*`([^`$]*)\$\{/g)) {
        assert.ok([...keys].some((key) => key.startsWith(start)), `${name} says ${start}…`);
      }
      for (const [, key = ""] of source.matchAll(/dataset\.t(?:\w*) = "([^"]+)"/g)) assert.ok(keys.has(key), `${name} marks ${key}`);
    }
  });
}

test("there are no words that nobody asks for", async () => {
  const sources = readdirSync(WEB, { recursive: true })
    .map(String)
    .filter((name) => /\.(js|html)$/.test(name) && !name.includes("words"))
    .map(read)
    .join("\n");
  const starts = [...sources.matchAll(/`([\w.]+\.)\$\{/g)].map((found) => found[1] ?? "");
  const unasked = [];
  for (const name of names) {
    for (const key of Object.keys(await catalogue(name, "en"))) {
      if (!sources.includes(`"${key}"`) && !starts.some((start) => key.startsWith(start))) unasked.push(`${name}: ${key}`);
    }
  }
  assert.deepEqual(unasked, []);
});
