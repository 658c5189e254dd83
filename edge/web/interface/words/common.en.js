// What all pages say, in English.
export default {
  "common.home": "To the first page",
  "common.ok": "OK",
  "common.cancel": "Cancel",
  "common.close": "Close",
  "common.copied": "Copied",
  "common.retryNow": "Retry now",
  "common.settings": "Settings",
  "common.interfaceLanguage": "Language of this page",
  "common.browserLanguage": "Same as the browser",
  "common.waiting": {
    one: "Connection lost. Trying again in {count} second.",
    other: "Connection lost. Trying again in {count} seconds.",
  },
  "common.offline": "You are offline. We will go on as soon as the network is back.",
  "common.back": "The connection is back.",
};
