// What all pages say, in Spanish.
export default {
  "common.home": "Ir a la página inicial",
  "common.ok": "Aceptar",
  "common.cancel": "Cancelar",
  "common.close": "Cerrar",
  "common.copied": "Copiado",
  "common.retryNow": "Reintentar ahora",
  "common.settings": "Ajustes",
  "common.interfaceLanguage": "Idioma de esta página",
  "common.browserLanguage": "El del navegador",
  "common.waiting": {
    one: "Se perdió la conexión. Nuevo intento en {count} segundo.",
    other: "Se perdió la conexión. Nuevo intento en {count} segundos.",
  },
  "common.offline": "No hay conexión a Internet. Seguiremos en cuanto vuelva.",
  "common.back": "La conexión ha vuelto.",
};
