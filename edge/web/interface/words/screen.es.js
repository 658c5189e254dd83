// What the projector page says, in Spanish.
export default {
  "screen.mistake": "No se entiende {name}={value}; ahora es {name}={instead}.",
  "screen.unknown": "{name} no es un ajuste de esta página.",
  "screen.paused": "En pausa",
  "screen.muted": "El micrófono está apagado",
  "screen.ended": "La transmisión ha terminado",
  "screen.away": "Esperando la conexión",
  "screen.join": "Escúchelo en su idioma",
  "screen.bar": "Pantalla",
  "screen.smaller": "Texto más pequeño",
  "screen.larger": "Texto más grande",
  "screen.full": "Pantalla completa",
  "screen.pinTitle": "Esta sesión tiene un PIN",
  "screen.pin": "PIN",
  "screen.pinWrong": "Ese PIN no es correcto. Inténtelo de nuevo.",
  "screen.pinGo": "Mostrar los subtítulos",
};
