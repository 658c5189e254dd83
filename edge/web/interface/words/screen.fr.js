// What the projector page says, in French.
export default {
  "screen.mistake": "{name}={value} n’a pas été compris ; {name}={instead} s’applique.",
  "screen.unknown": "{name} n’est pas un réglage de cette page.",
  "screen.paused": "En pause",
  "screen.muted": "Le micro est coupé",
  "screen.ended": "La diffusion est terminée",
  "screen.away": "En attente de la connexion",
  "screen.join": "Écoutez dans votre langue",
  "screen.bar": "Écran",
  "screen.smaller": "Texte plus petit",
  "screen.larger": "Texte plus grand",
  "screen.full": "Plein écran",
  "screen.pinTitle": "Cette session a un code PIN",
  "screen.pin": "Code PIN",
  "screen.pinWrong": "Ce code n’est pas le bon. Veuillez réessayer.",
  "screen.pinGo": "Afficher les sous-titres",
};
