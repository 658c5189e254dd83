// What the first page says, and pages that could not be shown, in Spanish.
export default {
  "home.title": "Cada charla en su idioma",
  "home.lead":
    "Una persona habla. Usted la oye en su propio idioma, segundos después: en su teléfono, sin aplicación y sin cuenta.",
  "join.name": "Nombre o enlace de la sesión",
  "join.hint": "Lo tiene quien habla: dos palabras y un número.",
  "join.listen": "Escuchar",
  "join.empty": "Escriba primero el nombre de la sesión.",
  "home.speak": "¿Quiere hablar?",
  "home.speakHint": "Para eso necesita un enlace de orador. Puede dárselo quien administra este servidor.",
  "home.toSpeak": "Ir a la página del orador",
  "home.languages": "Idiomas disponibles",
  "home.spoken": "Se habla",
  "home.heard": "Se escucha en",
};
