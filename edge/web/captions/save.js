// How a text becomes a file on the reader's device: an object address and a click; the server is not asked.

/** How long a browser may take to begin the download before the address is withdrawn. */
const KEPT_MS = 60_000;

/**
 * Offers a text as a file to keep. To be called in a click: some browsers ask for one.
 * @param {string} name With its ending, as `faithful-shepherd-427.es.vtt`.
 * @param {string} type MIME type, as `text/vtt`.
 * @param {string} text
 */
export function save(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
  // Safari reads it after the click has returned.
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}

/**
 * A file name of a session, its language and a form: `faithful-shepherd-427.es.vtt`.
 * @param {string} sessionId
 * @param {string} language
 * @param {"vtt" | "srt" | "txt"} form
 */
export function fileName(sessionId, language, form) {
  return [sessionId, language, form].filter(Boolean).join(".");
}
