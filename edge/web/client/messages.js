/**
 * What the server says in `lingocast.v1`: the types, and how a text frame becomes one. Pure.
 *
 * Hides what a newer or a faulty server may send: a message that is not known, or not as it should be, is none; fields
 * that are not known are left out. Offsets (`startMs`, `endMs`) are milliseconds from the session's first sample,
 * timestamps milliseconds since the epoch, volumes 0.0 to 1.0, `retryAfter` seconds.
 */

/** @typedef {{isActive: boolean, isPaused: boolean, isMuted: boolean, volume: number}} BroadcastState */
/** @typedef {{type: "sessionCreated", sessionId: string, sourceLanguage: string, qualityTier: string, connectionId: string, joinUrl: string, expiresAt: number}} SessionCreated */
/** @typedef {{type: "sessionJoined", sessionId: string, sourceLanguage: string, targetLanguage: string, connectionId: string, listenerCount: number, qualityTier: string, broadcastState: BroadcastState}} SessionJoined */
/** @typedef {{type: "connectionRefreshComplete", sessionId: string, newConnectionId: string, targetLanguage: string}} RefreshComplete */
/** @typedef {{type: "stateRestored", broadcastState: BroadcastState}} StateRestored */
/** @typedef {{type: "sourceCaption", segmentId: number, text: string, stableChars: number, isFinal: boolean, startMs: number, endMs: number}} SourceCaption */
/** @typedef {{type: "caption", segmentId: number, language: string, text: string, stableChars: number, isFinal: boolean, startMs: number, endMs: number}} Caption */
/** @typedef {{type: "cueStart", cueId: string, segmentId: number, language: string, sampleRate: number, startMs: number, endMs: number, tempo: number, audioFormat: string, packetMs: number, preSkip: number}} CueStart */
/** @typedef {{type: "cueEnd", cueId: string, durationMs: number}} CueEnd */
/** @typedef {{type: "audioDropped", cues: number, seconds: number}} AudioDropped */
/** @typedef {{type: "languageUnavailable", language: string, reason: string}} LanguageUnavailable */
/** @typedef {{type: "broadcastPaused" | "broadcastResumed" | "broadcastMuted" | "broadcastUnmuted"}} Switched */
/** @typedef {{type: "volumeChanged", volumeLevel: number}} VolumeChanged */
/** @typedef {{type: "speakerStateChanged", state: BroadcastState}} SpeakerStateChanged */
/** @typedef {{type: "sessionStatus", listenerCount: number, languageDistribution: Record<string, number>, sessionDuration: number, broadcastState: BroadcastState, updateReason: string, lag: Record<string, number>}} SessionStatus */
/** @typedef {{type: "glossaryAccepted", version: string, terms: number}} GlossaryAccepted */
/** @typedef {{type: "playbackPaused" | "playbackResumed" | "heartbeatAck" | "connectionRefreshRequired" | "connectionWarning" | "connectionTimeout"}} Plain */
/** @typedef {{type: "languageChanged", targetLanguage: string}} LanguageChanged */
/** @typedef {{type: "audioQualityWarning", issue: string, value: number, threshold: number, advice: string}} QualityWarning */
/** @typedef {{type: "audioQualityRecovered", issue: string}} QualityRecovered */
/** @typedef {{type: "rateLimitWarning" | "transcriptionError" | "systemRecovered", code: string, message: string}} Notice */
/** @typedef {{type: "sessionEnded", reason: string}} SessionEnded */
/** @typedef {{type: "error", code: string, status: number, message: string, retryAfter?: number, languages?: string[], correlationId?: string}} ErrorMessage */
/**
 * @typedef {SessionCreated | SessionJoined | RefreshComplete | StateRestored | SourceCaption | Caption | CueStart | CueEnd
 *   | AudioDropped | LanguageUnavailable | Switched | VolumeChanged | SpeakerStateChanged | SessionStatus
 *   | GlossaryAccepted | Plain | LanguageChanged | QualityWarning | QualityRecovered | Notice | SessionEnded
 *   | ErrorMessage} Message
 */

/** @typedef {(value: unknown) => unknown} Reader reads a field, or throws */

/** @param {string} kind @returns {Reader} */
const only = (kind) => (value) => {
  if (typeof value !== kind || Number.isNaN(value)) {
    throw new TypeError(`not a ${kind}`);
  }
  return value;
};
const text = only("string");
const number = only("number");
const flag = only("boolean");

/**
 * A field that may be missing; null stands for that, too.
 * @param {Reader} reader @param {unknown} [otherwise] @returns {Reader}
 */
const maybe = (reader, otherwise) => (value) => (value === undefined || value === null ? otherwise : reader(value));

/** @param {unknown} value @returns {Record<string, unknown>} */
const object = (value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError("not an object");
  }
  return /** @type {Record<string, unknown>} */ (value);
};

/** @type {Reader} */
const numbers = (value) => Object.fromEntries(Object.entries(object(value)).map(([key, item]) => [key, number(item)]));

/** @type {Reader} */
const texts = (value) => {
  if (!Array.isArray(value)) {
    throw new TypeError("not a list");
  }
  return value.map(text);
};

/** @param {Record<string, Reader>} fields @param {unknown} value @returns {Record<string, unknown>} */
const read = (fields, value) => {
  const given = object(value);
  /** @type {Record<string, unknown>} */
  const result = {};
  for (const [name, reader] of Object.entries(fields)) {
    const found = reader(given[name]);
    if (found !== undefined) {
      result[name] = found;
    }
  }
  return result;
};

/** @type {BroadcastState} The switches of a broadcast of which nothing else is known. */
export const INITIAL_STATE = Object.freeze({ isActive: true, isPaused: false, isMuted: false, volume: 1 });

/** @type {Reader} */
const state = (value) =>
  read(
    {
      isActive: maybe(flag, true),
      isPaused: maybe(flag, false),
      isMuted: maybe(flag, false),
      volume: maybe(number, 1),
    },
    value,
  );

const words = maybe(text, "");
const amount = maybe(number, 0);
const span = { startMs: amount, endMs: amount };
const captioned = { segmentId: number, text, stableChars: amount, isFinal: flag, ...span };
const notice = { code: words, message: words };

/** @type {Record<string, Record<string, Reader>>} For each type of message its fields, and how each is read. */
const FIELDS = {
  sessionCreated: {
    sessionId: text,
    sourceLanguage: text,
    qualityTier: words,
    connectionId: text,
    joinUrl: words,
    expiresAt: amount,
  },
  sessionJoined: {
    sessionId: text,
    sourceLanguage: text,
    targetLanguage: text,
    connectionId: text,
    listenerCount: amount,
    qualityTier: words,
    broadcastState: maybe(state, INITIAL_STATE),
  },
  connectionRefreshComplete: { sessionId: text, newConnectionId: text, targetLanguage: words },
  stateRestored: { broadcastState: state },
  sourceCaption: captioned,
  caption: { ...captioned, language: text },
  cueStart: {
    cueId: text,
    segmentId: number,
    language: text,
    sampleRate: number,
    ...span,
    tempo: maybe(number, 1),
    audioFormat: maybe(text, "pcm"),
    packetMs: amount,
    preSkip: amount,
  },
  cueEnd: { cueId: text, durationMs: amount },
  audioDropped: { cues: number, seconds: amount },
  languageUnavailable: { language: text, reason: words },
  broadcastPaused: {},
  broadcastResumed: {},
  broadcastMuted: {},
  broadcastUnmuted: {},
  volumeChanged: { volumeLevel: number },
  speakerStateChanged: { state },
  sessionStatus: {
    listenerCount: number,
    languageDistribution: maybe(numbers, {}),
    sessionDuration: amount,
    broadcastState: maybe(state, INITIAL_STATE),
    updateReason: words,
    lag: maybe(numbers, {}),
  },
  glossaryAccepted: { version: words, terms: amount },
  playbackPaused: {},
  playbackResumed: {},
  heartbeatAck: {},
  connectionRefreshRequired: {},
  connectionWarning: {},
  connectionTimeout: {},
  languageChanged: { targetLanguage: text },
  audioQualityWarning: { issue: text, value: amount, threshold: amount, advice: words },
  audioQualityRecovered: { issue: text },
  rateLimitWarning: notice,
  transcriptionError: notice,
  systemRecovered: notice,
  sessionEnded: { reason: words },
  error: {
    code: text,
    status: amount,
    message: words,
    retryAfter: maybe(number),
    languages: maybe(texts),
    correlationId: maybe(text),
  },
};

/**
 * The message in a text frame; undefined for what cannot be read. Never throws.
 * @param {string} frame
 * @returns {Message | undefined}
 */
export function parse(frame) {
  try {
    const body = object(JSON.parse(frame));
    const type = text(body.type);
    const fields = Object.hasOwn(FIELDS, String(type)) ? FIELDS[String(type)] : undefined;
    return fields && /** @type {Message} */ ({ type, ...read(fields, body) });
  } catch {
    return undefined;
  }
}

/**
 * The switches after a message, or undefined where it does not move them.
 * @param {BroadcastState} before
 * @param {Message} message
 * @returns {BroadcastState | undefined}
 */
export function moved(before, message) {
  switch (message.type) {
    case "broadcastPaused":
      return { ...before, isPaused: true };
    case "broadcastResumed":
      return { ...before, isPaused: false };
    case "broadcastMuted":
      return { ...before, isMuted: true };
    case "broadcastUnmuted":
      return { ...before, isMuted: false };
    case "volumeChanged":
      return { ...before, volume: message.volumeLevel };
    case "speakerStateChanged":
      return message.state;
    case "sessionJoined":
    case "stateRestored":
    case "sessionStatus":
      return message.broadcastState;
    default:
      return undefined;
  }
}
