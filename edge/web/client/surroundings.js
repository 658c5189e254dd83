/**
 * What a client needs of the world: sockets, time, chance, the network's state. The only place that asks the browser, so
 * that everything else runs in tests by time that is told.
 */

/**
 * @typedef {object} Surroundings
 * @property {(url: string, protocol: string) => WebSocket} connect
 * @property {() => number} now milliseconds since the epoch
 * @property {() => number} chance 0 to 1
 * @property {(milliseconds: number, act: () => void) => () => void} later calls once; gives what cancels it
 * @property {() => boolean} online false where the device says that it has no network
 * @property {(act: () => void) => () => void} whenNetworkChanges calls each time; gives what ends it
 */

/** @type {Surroundings} */
export const BROWSER = Object.freeze({
  connect: (url, protocol) => new WebSocket(url, protocol),
  now: () => Date.now(),
  chance: () => Math.random(),
  later: (milliseconds, act) => {
    const timer = setTimeout(act, milliseconds);
    return () => clearTimeout(timer);
  },
  online: () => globalThis.navigator?.onLine !== false,
  whenNetworkChanges: (act) => {
    if (typeof globalThis.addEventListener !== "function") {
      return () => {};
    }
    addEventListener("online", act);
    addEventListener("offline", act);
    return () => {
      removeEventListener("online", act);
      removeEventListener("offline", act);
    };
  },
});

/**
 * The WebSocket address of a server.
 * @param {string} origin `https://example.org`, with or without `/ws`; empty for the page's own
 * @param {Record<string, string>} query
 */
export function address(origin, query) {
  const url = new URL(origin || globalThis.location.origin);
  url.protocol = url.protocol.replace("http", "ws");
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw new TypeError("the address of a server looks like https://example.org");
  }
  url.pathname = url.pathname.endsWith("/ws") ? url.pathname : `${url.pathname.replace(/\/+$/, "")}/ws`;
  url.search = new URLSearchParams(query).toString();
  url.hash = "";
  return url.href;
}
