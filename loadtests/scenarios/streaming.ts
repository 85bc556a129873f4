import { refusedCount } from "../load/measured.ts";
import { freshChat } from "../load/requests.ts";
import { answersSomething, type LoadScenario } from "../load/scenario.ts";
import { runStreams } from "../load/stream-run.ts";

/** Streams, timed piece by piece. The mock sends its first after 50 ms and then one every 5 ms. */
export const streaming: LoadScenario = {
  name: "streaming",
  summary: "streams: the time to the first byte, the gaps between reads, and all of them whole",
  defaults: { seconds: 20, connections: 100 },
  modelsOf: (model) => [model],
  drive: ({ gateway: { url, key }, size, model, live, signal }) => {
    const more = { stream: true, stream_options: { include_usage: true } };
    const nextBody = (): string => freshChat(model, more);
    return runStreams({ url, key, size, live, signal, nextBody });
  },
  expect: (measured) => [
    answersSomething(measured),
    { says: "no stream was refused", isMet: refusedCount(measured) === 0 },
    { says: "every stream came to its [DONE]", isMet: measured.errorCount === 0 },
  ],
};
