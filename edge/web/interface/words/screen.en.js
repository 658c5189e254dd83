// What the projector page says, in English.
export default {
  "screen.mistake": "{name}={value} is not understood; it is now {name}={instead}.",
  "screen.unknown": "{name} is not a setting of this page.",
  "screen.paused": "Paused",
  "screen.muted": "The microphone is off",
  "screen.ended": "The broadcast has ended",
  "screen.away": "Waiting for the connection",
  "screen.join": "Hear it in your own language",
  "screen.bar": "Screen",
  "screen.smaller": "Smaller text",
  "screen.larger": "Larger text",
  "screen.full": "Full screen",
  "screen.pinTitle": "This session has a PIN",
  "screen.pin": "PIN",
  "screen.pinWrong": "That was not the right PIN. Please try again.",
  "screen.pinGo": "Show the captions",
};
