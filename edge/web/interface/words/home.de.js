// What the first page says, and pages that could not be shown, in German.
export default {
  "home.title": "Jeder Vortrag in Ihrer Sprache",
  "home.lead":
    "Eine Person spricht. Sie hören es in Ihrer eigenen Sprache, Sekunden später: auf Ihrem Telefon, ohne App und ohne Konto.",
  "join.name": "Name oder Link der Sitzung",
  "join.hint": "Der Sprecher kennt ihn: zwei Wörter und eine Zahl.",
  "join.listen": "Zuhören",
  "join.empty": "Geben Sie zuerst den Namen der Sitzung ein.",
  "home.speak": "Möchten Sie sprechen?",
  "home.speakHint": "Dazu brauchen Sie einen Link für Sprecher. Der Betreiber dieses Servers kann Ihnen einen geben.",
  "home.toSpeak": "Zur Seite für Sprecher",
  "home.languages": "Verfügbare Sprachen",
  "home.spoken": "Gesprochen",
  "home.heard": "Zu hören auf",
};
