// What the first page says, and pages that could not be shown, in English.
export default {
  "home.title": "Every talk in your language",
  "home.lead":
    "One person speaks. You hear it in your own language, seconds later – on your phone, without an app and without an account.",
  "join.name": "Name or link of the session",
  "join.hint": "The speaker has it: two words and a number.",
  "join.listen": "Listen",
  "join.empty": "Enter the name of the session first.",
  "home.speak": "Do you want to speak?",
  "home.speakHint": "For that you need a speaker’s link. Whoever runs this server can give you one.",
  "home.toSpeak": "To the speaker’s page",
  "home.languages": "Languages on offer",
  "home.spoken": "Spoken",
  "home.heard": "Heard in",
};
