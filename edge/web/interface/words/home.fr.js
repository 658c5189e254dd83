// What the first page says, and pages that could not be shown, in French.
export default {
  "home.title": "Chaque exposé dans votre langue",
  "home.lead":
    "Une personne parle. Vous l’entendez dans votre langue, quelques secondes plus tard : sur votre téléphone, sans application et sans compte.",
  "join.name": "Nom ou lien de la session",
  "join.hint": "La personne qui parle le connaît : deux mots et un nombre.",
  "join.listen": "Écouter",
  "join.empty": "Saisissez d’abord le nom de la session.",
  "home.speak": "Voulez-vous parler ?",
  "home.speakHint": "Il vous faut pour cela un lien d’orateur. La personne qui gère ce serveur peut vous en donner un.",
  "home.toSpeak": "Aller à la page de l’orateur",
  "home.languages": "Langues proposées",
  "home.spoken": "Langues parlées",
  "home.heard": "À écouter en",
};
