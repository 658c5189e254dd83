// What all pages say, in Portuguese.
export default {
  "common.home": "Ir para a página inicial",
  "common.ok": "OK",
  "common.cancel": "Cancelar",
  "common.close": "Fechar",
  "common.copied": "Copiado",
  "common.retryNow": "Tentar agora",
  "common.settings": "Configurações",
  "common.interfaceLanguage": "Idioma desta página",
  "common.browserLanguage": "O do navegador",
  "common.waiting": {
    one: "Conexão perdida. Nova tentativa em {count} segundo.",
    other: "Conexão perdida. Nova tentativa em {count} segundos.",
  },
  "common.offline": "Você está sem rede. Continuamos assim que ela voltar.",
  "common.back": "A conexão voltou.",
};
