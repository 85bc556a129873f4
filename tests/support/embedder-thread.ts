import { parentPort } from "node:worker_threads";

import type { FromThread, ToThread } from "../../src/embedders/local/protocol.ts";

/** A thread that behaves like the one with the model, except for the texts `die`, `hang`, `fail` and `long`. */
const port = parentPort;
const post = (message: FromThread): void => port?.postMessage(message);

port?.on("message", (message: ToThread) => {
  if ("close" in message) {
    port.close();
    return;
  }
  const { id, text } = message;
  if (text === "die") throw new Error("it was told to die");
  if (text === "hang") return;
  if (text === "fail") post({ kind: "error", id, message: "no such operator" });
  else if (text === "long") post({ kind: "too_long", id, tokensMax: 256 });
  else post({ kind: "vector", id, vector: Float32Array.of(1, 0) });
});
post({ kind: "ready", modelId: "onnx-of-tests", dimensions: 2 });
