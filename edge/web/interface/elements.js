/**
 * How a page's script finds its elements: by `data-part`, and typed, so that a template that lost one fails at once and
 * says which, not later and somewhere else.
 */

/**
 * The element of `root` that is marked `data-part="name"`.
 *
 * @template {HTMLElement} T
 * @param {ParentNode} root
 * @param {string} name
 * @param {new () => T} kind such as HTMLButtonElement
 * @returns {T}
 * @throws {Error} when there is none, or one of another kind
 */
export function part(root, name, kind) {
  const found = root.querySelector(`[data-part="${name}"]`);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} that is its part ${name}`);
  return found;
}

/**
 * A copy of what the template `name` holds: its only element.
 *
 * @param {string} name the template's `data-part`
 * @returns {HTMLElement}
 * @throws {Error} when there is no such template
 */
export function copyOf(name) {
  const copy = part(document, name, HTMLTemplateElement).content.firstElementChild?.cloneNode(true);
  if (!(copy instanceof HTMLElement)) throw new Error(`the template ${name} is empty`);
  return copy;
}
