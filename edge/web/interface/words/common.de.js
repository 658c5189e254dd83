// What all pages say, in German.
export default {
  "common.home": "Zur Startseite",
  "common.ok": "OK",
  "common.cancel": "Abbrechen",
  "common.close": "Schließen",
  "common.copied": "Kopiert",
  "common.retryNow": "Jetzt erneut versuchen",
  "common.settings": "Einstellungen",
  "common.interfaceLanguage": "Sprache dieser Seite",
  "common.browserLanguage": "Wie im Browser",
  "common.waiting": {
    one: "Verbindung verloren. Neuer Versuch in {count} Sekunde.",
    other: "Verbindung verloren. Neuer Versuch in {count} Sekunden.",
  },
  "common.offline": "Kein Netz. Es geht weiter, sobald es wieder da ist.",
  "common.back": "Die Verbindung ist wieder da.",
};
