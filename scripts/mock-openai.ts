import { parseArgs } from "node:util";

import { LLMock } from "@copilotkit/aimock";

/**
 * `npm run mock`: an OpenAI that needs no key, for trying Sentinel. It knows the conversation of
 * `npm run client` and answers everything else with one sentence. `npm run mock -- --port 4010`
 */
const { values } = parseArgs({ options: { port: { type: "string", default: "4010" } } });

const mock = new LLMock({ host: "127.0.0.1", port: Number(values.port) });
/** As a model would: a moment until the first piece, then one after the other. */
const pace = { chunkSize: 8, streamingProfile: { ttft: 300, tps: 40 } };

mock.on(
  { userMessage: /weather/i, toolName: "get_weather", hasToolResult: false },
  { toolCalls: [{ name: "get_weather", arguments: JSON.stringify({ city: "Lisbon" }) }] },
  pace,
);
mock.on(
  { userMessage: /weather/i, hasToolResult: true },
  {
    content:
      "In Lisbon it is 21 °C and sunny. ☀️ (Said by a mock: whatever your tool answered, this comes out.)",
  },
  pace,
);
mock.onMessage(/.*/s, { content: "I am a mock of OpenAI. Ask me about the weather." }, pace);

const url = await mock.start();
console.log(`A mock of OpenAI listens on ${url}

Start Sentinel in front of it, in a second terminal:

  OPENAI_BASE_URL=${url}/v1 OPENAI_API_KEY=any npm start

and talk to Sentinel in a third:

  npm run client

Ctrl-C ends it.`);
