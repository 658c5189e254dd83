// What the projector page says, in Portuguese.
export default {
  "screen.mistake": "{name}={value} não foi compreendido; agora é {name}={instead}.",
  "screen.unknown": "{name} não é uma opção desta página.",
  "screen.paused": "Em pausa",
  "screen.muted": "O microfone está desligado",
  "screen.ended": "A transmissão terminou",
  "screen.away": "Aguardando a conexão",
  "screen.join": "Ouça no seu idioma",
  "screen.bar": "Tela",
  "screen.smaller": "Texto menor",
  "screen.larger": "Texto maior",
  "screen.full": "Tela cheia",
  "screen.pinTitle": "Esta sessão tem um PIN",
  "screen.pin": "PIN",
  "screen.pinWrong": "Esse PIN não está certo. Tente outra vez.",
  "screen.pinGo": "Mostrar as legendas",
};
