import { parentPort, workerData } from "node:worker_threads";

import type { FromThread, ThreadSettings, ToThread } from "./protocol.ts";
import { openSentenceModel } from "./sentence-model.ts";
import type { SentenceModel } from "./sentence-model.ts";

/**
 * The thread that holds the model: a text takes milliseconds of processor time, for which every request would stand
 * still. It is started by `model-thread.ts` and by nothing else; an error before `ready` ends it and is told there.
 */
async function serve(
  settings: ThreadSettings,
  port: NonNullable<typeof parentPort>,
): Promise<void> {
  const model = await openSentenceModel(settings.folder, settings.threads);
  let last: Promise<void> = Promise.resolve();
  port.on("message", (message: ToThread) => {
    last = last.then(async () => {
      if ("close" in message) {
        await model.close();
        port.close();
        return;
      }
      port.postMessage(await answered(model, message.id, message.text));
    });
  });
  const { id: modelId, dimensions } = model;
  port.postMessage({ kind: "ready", modelId, dimensions } satisfies FromThread);
}

async function answered(model: SentenceModel, id: number, text: string): Promise<FromThread> {
  try {
    const vector = await model.embed(text);
    if (vector === undefined) return { kind: "too_long", id, tokensMax: model.tokensMax };
    return { kind: "vector", id, vector };
  } catch (error) {
    return { kind: "error", id, message: error instanceof Error ? error.message : String(error) };
  }
}

if (parentPort !== null) await serve(workerData as ThreadSettings, parentPort);
