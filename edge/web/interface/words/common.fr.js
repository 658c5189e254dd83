// What all pages say, in French.
export default {
  "common.home": "Aller à la page d’accueil",
  "common.ok": "OK",
  "common.cancel": "Annuler",
  "common.close": "Fermer",
  "common.copied": "Copié",
  "common.retryNow": "Réessayer maintenant",
  "common.settings": "Réglages",
  "common.interfaceLanguage": "Langue de cette page",
  "common.browserLanguage": "Celle du navigateur",
  "common.waiting": {
    one: "Connexion perdue. Nouvel essai dans {count} seconde.",
    other: "Connexion perdue. Nouvel essai dans {count} secondes.",
  },
  "common.offline": "Pas de réseau. Nous reprendrons dès qu’il sera revenu.",
  "common.back": "La connexion est rétablie.",
};
