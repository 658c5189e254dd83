// Who wants to know of what. Hides that a handler may fail: its error is reported, and the sound goes on.

/**
 * Events by name, each with one value. `Events` names the type of each event's value.
 * @template {Record<string, any>} Events
 */
export class Emitter {
  /** @type {Map<keyof Events, Set<(value: any) => void>>} */
  #handlers = new Map();

  /**
   * Calls `handler` with each event of that name from now on.
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(value: Events[Name]) => void} handler
   * @returns {() => void} ends it
   */
  on(name, handler) {
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers.add(handler));
    return () => handlers.delete(handler);
  }

  /**
   * For subclasses: tells all who asked, in the order in which they did.
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {Events[Name]} value
   * @protected
   */
  emit(name, value) {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) {
      try {
        handler(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
