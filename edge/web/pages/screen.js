// The projector page: captions and nothing else, on a wall or over a picture. Wires the address, the feeds and the
// lines; what each decides is in pages/screen/.

import { Listener } from "../client.js";
import { load } from "../interface/i18n.js";
import { keepAwake } from "../interface/wakelock.js";
import { Column } from "./screen/column.js";
import { Controls } from "./screen/controls.js";
import { Corner } from "./screen/corner.js";
import { Feed } from "./screen/feed.js";
import { address, needed, read, SOURCE } from "./screen/options.js";
import { Pin } from "./screen/pin.js";
import { dress, Room } from "./screen/room.js";
import { Standing } from "./screen/standing.js";

/** @import { Facts, Options } from "./screen/options.js" */

/** What is to be ended with the page. @type {{close(): unknown}[]} */
const open = [];

/**
 * A part of the page.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 */
function part(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${id}`);
  return element;
}

/**
 * @template {{close(): unknown}} T
 * @param {T} each
 */
function kept(each) {
  open.push(each);
  return each;
}

/**
 * The columns, in a stage that fits them, and what a hand can do about them.
 * @param {Options} options
 * @param {Facts | null} facts
 */
function setStage(options, facts) {
  const stage = part("stage", HTMLElement);
  const spoken = facts?.sourceLanguage ?? "";
  const columns = options.languages.map((language) => new Column(language, spoken, stage, options));
  const lines = columns.map(({ rolling }) => kept(rolling));
  const room = kept(new Room(stage, options, lines));
  const resize = (/** @type {number} */ scale) => room.scale(scale);
  kept(new Controls(document.documentElement, stage, part("bar", HTMLElement), resize));
  return columns;
}

/**
 * A feed whose captions go where they belong.
 * @param {string} language
 * @param {boolean} withSource
 * @param {Column[]} columns
 * @param {Corner} corner
 * @param {Pin} pin
 */
function feedOf(language, withSource, columns, corner, pin) {
  const sessionId = document.body.dataset.session ?? "";
  const feed = new Feed(language, pin, (code, secret) => {
    const captions = withSource ? "source" : undefined;
    return new Listener("", sessionId, { language: code, pin: secret, captions, audio: "off" });
  });
  const welcome = part("welcome", HTMLElement);
  const lead = (/** @type {string} */ to) => (/** @type {import("../captions/transcript.js").Caption} */ caption) => {
    const column = columns.find((each) => each.language === to);
    if (column?.receive(caption)) welcome.hidden = true;
  };
  feed.on("caption", lead(language));
  if (withSource) feed.on("sourceCaption", lead(SOURCE));
  feed.on("replaced", ({ wanted, instead }) => {
    if (columns.some((each) => each.language === language)) corner.mistaken({ name: "lang", value: wanted, instead });
  });
  return kept(feed);
}

async function main() {
  const facts = /** @type {Facts | null} */ (JSON.parse(document.body.dataset.facts || "null"));
  const { search, pin: given } = address(location.search, location.hash);
  const pin = new Pin(document.body.dataset.session ?? "", given, part("pin", HTMLDialogElement));
  // A PIN is not to be read from the wall.
  if (given) history.replaceState(null, "", location.pathname + search);
  const { options, mistakes } = read(search, facts, navigator.languages);
  dress(document.documentElement, options);
  part("welcome", HTMLElement).hidden = !options.qr;
  await load("screen");

  const corner = kept(new Corner(part("corner", HTMLElement), options.status));
  for (const mistake of mistakes) corner.mistaken(mistake);
  const columns = setStage(options, facts);
  kept({ close: keepAwake() });
  if (facts?.hasPin && pin.pin === undefined) await pin.ask(undefined);

  const standing = kept(new Standing((now) => corner.stands(now)));
  const feeds = needed(options.languages, facts).map(({ language, withSource }) => {
    const feed = feedOf(language, withSource, columns, corner, pin);
    standing.watch(feed);
    return feed;
  });
  await Promise.all(feeds.map((feed) => feed.run()));
}

addEventListener("pagehide", ({ persisted }) => {
  // A page that the browser keeps goes on when it is shown again.
  if (!persisted) for (const each of open.splice(0)) each.close();
});
await main();
