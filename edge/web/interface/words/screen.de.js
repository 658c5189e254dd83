// What the projector page says, in German.
export default {
  "screen.mistake": "{name}={value} wird nicht verstanden; es gilt {name}={instead}.",
  "screen.unknown": "{name} ist keine Einstellung dieser Seite.",
  "screen.paused": "Pause",
  "screen.muted": "Das Mikrofon ist aus",
  "screen.ended": "Die Übertragung ist beendet",
  "screen.away": "Warten auf die Verbindung",
  "screen.join": "Hören Sie es in Ihrer Sprache",
  "screen.bar": "Bildschirm",
  "screen.smaller": "Kleinere Schrift",
  "screen.larger": "Größere Schrift",
  "screen.full": "Vollbild",
  "screen.pinTitle": "Diese Sitzung hat eine PIN",
  "screen.pin": "PIN",
  "screen.pinWrong": "Das war nicht die richtige PIN. Bitte noch einmal.",
  "screen.pinGo": "Untertitel zeigen",
};
