// Bun: uWebSockets' own publish, all listeners in one topic.

import { serve } from "./control.mjs";

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("for WebSockets", { status: 400 })),
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 0,
    sendPings: false,
    open: (socket) => socket.subscribe("feed"),
    message: () => {},
  },
});

serve(server.port, `Bun ${Bun.version}`, (frame) => server.publish("feed", frame, false));
