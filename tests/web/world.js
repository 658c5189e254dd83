/** A world for the client: sockets whose other end is the test, time that is told, a network that comes and goes. */

/** What an upgrade, a message and a close look like to the one who holds a WebSocket. */
export class FakeSocket {
  readyState = 0;
  bufferedAmount = 0;
  binaryType = "";
  /** @type {any[]} Messages that were sent; audio as bytes. */
  sent = [];
  /** @type {((event: {data: any}) => void) | null} */
  onmessage = null;
  /** @type {((event: {code: number}) => void) | null} */
  onclose = null;

  /** @param {string} url */
  constructor(url) {
    this.query = Object.fromEntries(new URL(url).searchParams);
  }

  /** @param {any} data */
  send(data) {
    this.sent.push(typeof data === "string" ? JSON.parse(data) : data);
  }

  close() {
    this.readyState = 3;
  }

  /** @param {...object} messages */
  say(...messages) {
    this.readyState = 1;
    for (const message of messages) {
      this.onmessage?.({ data: JSON.stringify(message) });
    }
  }

  /** @param {Uint8Array} bytes */
  audio(bytes) {
    this.onmessage?.({ data: bytes.slice().buffer });
  }

  /** The other side closes, or the network does (1006). */
  drop(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** @param {string} action */
  asked(action) {
    return this.sent.filter((message) => message.action === action);
  }
}

export class World {
  now = 1_000_000;
  isOnline = true;
  /** @type {FakeSocket[]} */
  sockets = [];
  /** @type {{at: number, act: () => void}[]} */
  timers = [];
  /** @type {Set<() => void>} */
  watchers = new Set();

  /** @type {import("../../edge/web/client/surroundings.js").Surroundings} */
  surroundings = {
    connect: (url) => {
      const socket = new FakeSocket(url);
      this.sockets.push(socket);
      return /** @type {any} */ (socket);
    },
    now: () => this.now,
    chance: () => 0,
    later: (milliseconds, act) => {
      const timer = { at: this.now + milliseconds, act };
      this.timers.push(timer);
      return () => {
        this.timers = this.timers.filter((other) => other !== timer);
      };
    },
    online: () => this.isOnline,
    whenNetworkChanges: (act) => {
      this.watchers.add(act);
      return () => this.watchers.delete(act);
    },
  };

  /** The connection that was asked for last. */
  get last() {
    return /** @type {FakeSocket} */ (this.sockets.at(-1));
  }

  /** Lets time pass, and everything happen that was to happen meanwhile. */
  async pass(milliseconds = 0) {
    const until = this.now + milliseconds;
    await settled();
    for (;;) {
      const due = this.timers.filter((timer) => timer.at <= until).sort((one, other) => one.at - other.at)[0];
      if (!due) {
        break;
      }
      this.timers = this.timers.filter((timer) => timer !== due);
      this.now = Math.max(this.now, due.at);
      due.act();
      await settled();
    }
    this.now = until;
  }

  /** The computer sleeps: time passes, and nothing happens. @param {number} milliseconds */
  sleep(milliseconds) {
    this.now += milliseconds;
  }

  /** @param {boolean} online */
  network(online) {
    this.isOnline = online;
    for (const act of [...this.watchers]) {
      act();
    }
  }
}

/** Everything that was promised has happened. */
export async function settled() {
  await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Every event of a client, in order.
 * @param {import("../../edge/web/client/emitter.js").Emitter<any>} client
 * @param {string[]} names
 */
export function heard(client, names) {
  /** @type {[string, any][]} */
  const events = [];
  for (const name of names) {
    client.on(name, (news) => events.push([name, news]));
  }
  return {
    events,
    /** @param {string} name */
    of: (name) => events.filter((event) => event[0] === name).map((event) => event[1]),
  };
}
