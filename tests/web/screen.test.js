import assert from "node:assert/strict";
import { test } from "node:test";
import { address, luminance, needed, read } from "../../edge/web/pages/screen/options.js";
import { fitted } from "../../edge/web/pages/screen/room.js";

const FACTS = { sourceLanguage: "en", targetLanguages: ["ca", "es", "pt-BR", "he"], hasPin: false };

/** @param {string} search */
const options = (search) => read(search, FACTS, ["pt-PT", "en"]).options;

/** @param {string} search */
const mistakes = (search) => read(search, FACTS, ["de"]).mistakes.map(({ name, instead }) => `${name}=${instead}`);

test("a wall that asks for nothing shows the viewer's language, as many lines as fit, for half a minute", () => {
  const { languages, lines, background, color, edge, hold, status, qr } = options("");
  assert.deepEqual(languages, ["pt-BR"]);
  assert.deepEqual([lines, background, color, edge, hold, status, qr], [0, "#000000", "#ffffff", "none", 30, true, false]);
});

test("over a picture there are two lines with an outline, and nothing is said of the standing", () => {
  const { lines, background, edge, hold, status } = options("?background=transparent");
  assert.deepEqual([lines, background, edge, hold, status], [2, "transparent", "outline", 8, false]);
});

test("languages are found as they are on offer", () => {
  assert.deepEqual(options("?lang=ES,pt_br").languages, ["es", "pt-BR"]);
  assert.deepEqual(options("?lang=es,source").languages, ["es", "source"]);
  assert.deepEqual(options("?lang=es-MX").languages, ["es"]);
  assert.deepEqual(options("?lang=es,es").languages, ["es"]);
});

test("the speaker's own language is what is said", () => {
  assert.deepEqual(options("?lang=en-US").languages, ["source"]);
  assert.deepEqual(read("", FACTS, ["de"]).options.languages, ["source"]);
});

test("while nothing is known of the session languages are taken as they come", () => {
  assert.deepEqual(read("?lang=xx,../etc", null, []).options.languages, ["xx"]);
});

test("every value that is not understood falls back, and is told", () => {
  const wrong = "?lang=xx&lines=0&size=1000&font=papyrus&align=up&place=left&layout=x&background=sky&color=12345&edge=1&hold=-1&qr=perhaps&status=2";
  const { options: found } = read(wrong, FACTS, ["de"]);
  assert.deepEqual(found, read("", FACTS, ["de"]).options);
  assert.deepEqual(mistakes(wrong).toSorted(), [
    "align=start",
    "background=black",
    "color=white",
    "edge=none",
    "font=sans",
    "hold=30",
    "lang=source",
    "layout=columns",
    "lines=auto",
    "place=bottom",
    "qr=0",
    "size=auto",
    "status=1",
  ]);
});

test("a name that means nothing, and a third language, are told", () => {
  assert.deepEqual(mistakes("?lang=es,ca,he&colour=red"), ["lang=es,ca", "colour="]);
});

test("what is understood is not told", () => {
  const right = "?lang=es&lines=3&size=6vh&font=serif&align=center&place=top&layout=rows&background=%23fff&color=ff0&edge=box&hold=0&qr=1&status=0";
  assert.deepEqual(mistakes(right), []);
  const { lines, size, background, color, hold } = options(right);
  assert.deepEqual([lines, size, background, color, hold], [3, "6vh", "#ffffff", "#ffff00", 0]);
  assert.equal(options("?size=48").size, "48px");
});

test("letters are dark on a light ground where no colour is asked for", () => {
  assert.equal(options("?background=white").color, "#000000");
  assert.equal(options("?background=%230000ff").color, "#ffffff");
  assert.equal(luminance("#ffffff"), 1);
  assert.equal(luminance("#000000"), 0);
});

test("a colour with its # unescaped is understood, and a PIN is taken out", () => {
  assert.deepEqual(address("?lang=es&background=", "#00ff00&lines=2#pin=12%2034"), {
    search: "?lang=es&background=%2300ff00&lines=2",
    pin: "12 34",
  });
  assert.deepEqual(address("?lang=es", "#pin=1234"), { search: "?lang=es", pin: "1234" });
  assert.deepEqual(address("?lang=es", "#anchor"), { search: "?lang=es", pin: "" });
  assert.deepEqual(address("?lang=es", "#pin=%zz"), { search: "?lang=es", pin: "%zz" });
});

test("what is said comes with a language's feed, and alone needs one", () => {
  assert.deepEqual(needed(["source", "es"], FACTS), [{ language: "es", withSource: true }]);
  assert.deepEqual(needed(["es", "he"], FACTS), [
    { language: "es", withSource: false },
    { language: "he", withSource: false },
  ]);
  assert.deepEqual(needed(["source"], FACTS), [{ language: "ca", withSource: true }]);
});

test("letters fit the room: a wall, a picture, a strip, two columns", () => {
  const wall = fitted({ width: 1800, height: 1000 }, { lines: 0, overlay: false, columns: 1 }, 0);
  assert.ok(wall.size >= 64 && wall.lines >= 6 && wall.lines * wall.line <= 1000);
  const picture = fitted({ width: 1800, height: 1000 }, { lines: 2, overlay: true, columns: 1 }, 0);
  assert.ok(picture.size < wall.size && picture.lines === 2);
  const strip = fitted({ width: 1200, height: 190 }, { lines: 2, overlay: true, columns: 1 }, 0);
  assert.ok(strip.lines === 2 && strip.line * 2 <= 190 && strip.line * 2 >= 120);
  const half = fitted({ width: 880, height: 1000 }, { lines: 0, overlay: false, columns: 2 }, 0);
  assert.ok(half.size > wall.size / 2);
});

test("what asks for more than fits gets what fits", () => {
  const { lines, line } = fitted({ width: 1280, height: 100 }, { lines: 4, overlay: true, columns: 1 }, 60);
  assert.equal(lines, 1);
  assert.ok(line <= 100);
});
