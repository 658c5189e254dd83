// What the first page says, and pages that could not be shown, in Portuguese.
export default {
  "home.title": "Cada palestra no seu idioma",
  "home.lead":
    "Uma pessoa fala. Você ouve no seu próprio idioma, segundos depois: no telefone, sem aplicativo e sem conta.",
  "join.name": "Nome ou link da sessão",
  "join.hint": "Quem fala tem o nome: duas palavras e um número.",
  "join.listen": "Ouvir",
  "join.empty": "Digite primeiro o nome da sessão.",
  "home.speak": "Quer falar?",
  "home.speakHint": "Para isso é preciso um link de orador. Quem administra este servidor pode lhe dar um.",
  "home.toSpeak": "Ir para a página do orador",
  "home.languages": "Idiomas oferecidos",
  "home.spoken": "Fala-se",
  "home.heard": "Ouve-se em",
};
