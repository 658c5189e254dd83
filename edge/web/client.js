/**
 * The Lingocast client for browsers: speak and listen from a page of your own. docs/client.md tells how.
 *
 *     import { Listener } from "https://lingocast.example/web/client.js";
 */
export { Microphone } from "./audio/microphone.js";
export { Player } from "./audio/player.js";
export { Recording } from "./audio/recording.js";
export { Listener } from "./client/listener.js";
export { CLIENT_CODES, Problem } from "./client/problem.js";
export { Speaker } from "./client/speaker.js";
