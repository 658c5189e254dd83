// The listener's page: the first screen, then the room. Here all parts are made and meet.

import { part } from "../interface/elements.js";
import { load } from "../interface/i18n.js";
import { ask, read } from "./listen/facts.js";
import { Keep } from "./listen/keep.js";
import { listenForKeys } from "./listen/keys.js";
import { TabMemory } from "./listen/memory.js";
import { Room } from "./listen/room.js";
import { likings, Settings } from "./listen/settings.js";
import { Share } from "./listen/share.js";
import { Start } from "./listen/start.js";

/** @import { Problem } from "../client/problem.js" */
/** @import { Facts } from "./listen/facts.js" */
/** @import { Choice } from "./listen/start.js" */

const { session = "" } = document.body.dataset;
const preferences = likings();
const tab = new TabMemory(session);
/** @type {Facts | undefined} */
let facts = read(document.body.dataset.facts);
/** @type {Room | undefined} */
let room;

const start = new Start({ last: preferences.get("language"), sound: preferences.get("sound") }, (choice) => {
  preferences.set("sound", choice.sound);
  void enter(choice, { tapped: true });
});
const settings = new Settings(preferences, (sound) => void room?.listenBy(sound));
const share = new Share(session);
/** @type {Keep | undefined} */
let keep;

/**
 * From the first screen into the room, or back with the reason why not.
 * @param {Choice} choice
 * @param {{tapped: boolean, resume?: import("../client/listener.js").Memory}} how
 */
async function enter(choice, how) {
  if (!facts) return;
  start.busy = true;
  if (!room) {
    room = new Room(facts, preferences, tab);
    keep = new Keep(session, room.transcript, room.original);
    room.whenReady(() => {
      start.hide();
      room?.show();
    });
  }
  try {
    await room.enter(choice, how);
  } catch (problem) {
    tab.forget();
    room.hide();
    start.refuse(/** @type {Problem} */ (problem));
  }
}

/** The server could not say at first what this session is: it is asked until it can. */
async function lookUp() {
  let told = "";
  for (let wait = 1_000; !facts; wait = Math.min(2 * wait, 15_000)) {
    try {
      facts = await ask(session);
    } catch (problem) {
      const { code, status } = /** @type {Problem} */ (problem);
      // Once: it takes the focus.
      if (code !== told) start.refuse(/** @type {Problem} */ (problem));
      told = code;
      if (status === 404) return;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  begin(facts);
}

/** @param {Facts} known */
function begin(known) {
  start.show(known);
  const before = tab.recall();
  if (!before) return;
  const { pin, sound, ...resume } = before;
  start.choose({ language: resume.language, pin, sound });
  void enter({ language: resume.language, pin, sound }, { tapped: false, resume });
}

part(document, "open-settings", HTMLButtonElement).addEventListener("click", () => settings.open());
part(document, "open-share", HTMLButtonElement).addEventListener("click", () => share.open());
for (const name of ["open-keep", "over-keep"]) {
  part(document, name, HTMLButtonElement).addEventListener("click", () => keep?.open(room?.language ?? ""));
}
for (const button of document.querySelectorAll("dialog [data-close]")) {
  button.addEventListener("click", () => button.closest("dialog")?.close());
}
listenForKeys(() => preferences.get("keys") && document.body.dataset.phase === "hall", {
  pause: () => room?.togglePause(),
  mute: () => room?.toggleMute(),
  live: () => room?.skipToLive(),
  larger: () => settings.resize(1),
  smaller: () => settings.resize(-1),
});
addEventListener("pagehide", () => room?.rememberAll());
// Out of the browser's memory of pages that were left, its connections cut.
addEventListener("pageshow", ({ persisted }) => persisted && room?.lookAgain());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") room?.rememberAll();
  else room?.lookAgain();
});

try {
  await load("listen");
} catch {
  // Without its words the page still works, and the captions are none of ours.
}
if (facts) begin(facts);
else void lookUp();
