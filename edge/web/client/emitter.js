/**
 * Events by name. Hides that a listener of events may fail or leave while it is told: neither disturbs the others.
 */

/**
 * @template {Record<string, any>} Events what is handed to a handler, by the event's name
 */
export class Emitter {
  /** @type {Map<keyof Events, Set<(event: any) => void>>} */
  #handlers = new Map();

  /**
   * Calls `handler` at each event of that name, until the function that is returned is called.
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(event: Events[Name]) => void} handler
   * @returns {() => void}
   */
  on(name, handler) {
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers);
    // One object for each call: the same function twice is two handlers.
    const entry = (/** @type {Events[Name]} */ event) => handler(event);
    handlers.add(entry);
    return () => {
      handlers.delete(entry);
    };
  }

  /**
   * For the class that inherits.
   * @protected
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {Events[Name]} event
   */
  emit(name, event) {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) {
      try {
        handler(event);
      } catch (error) {
        // A page's mistake is told where pages' mistakes are told, and the connection lives.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
