// Node's ws, the usual loop over all clients.

import { createRequire } from "node:module";
import { serve } from "./control.mjs";

// Installed apart from this file: NODE_PATH is for CommonJS.
const require = createRequire(import.meta.url);
const { WebSocketServer } = require("ws");
const { version } = require("ws/package.json");

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false, clientTracking: true });

server.on("listening", () =>
  serve(server.address().port, `Node ${process.versions.node} ws ${version}`, (frame) => {
    for (const client of server.clients) client.send(frame, { binary: true, compress: false });
  }),
);
