import { expect, test } from "vitest";

import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import {
  chatChunk,
  completion,
  done,
  startScriptedUpstream,
  stream,
  whole,
} from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";

/** Each is unlike anything else that could be in a log. */
const secrets = {
  prompt: "prompt-Zebra-4711",
  answer: "answer-Walrus-0815",
  clientKey: "sk-client-key-Ocelot-1234567890",
  adminToken: "admin-token-Lynx-1234567890",
  upstreamKey: "sk-upstream-key-Marmot-1234567890",
  wrongKey: "sk-sentinel-wrong-Badger-1234567890",
};

test("at level trace the log holds no prompt, no answer and no key, whatever happens to a request", async () => {
  await using upstream = await startScriptedUpstream();
  upstream.listModels(["m"]);
  await using sentinel = await startSentinel({
    env: {
      SENTINEL_LOG_LEVEL: "trace",
      SENTINEL_DEFAULT_KEY: secrets.clientKey,
      SENTINEL_ADMIN_TOKEN: secrets.adminToken,
      OPENAI_BASE_URL: upstream.baseUrl,
      OPENAI_API_KEY: secrets.upstreamKey,
    },
  });
  const cases = upstreamCases();
  for (const { script, body } of cases) {
    upstream.answer(script);
    await consume(post(sentinel, body));
  }
  const refusals = await refusedRequests(sentinel);
  sentinel.kill("SIGHUP");
  await sentinel.waitForLine("configuration reloaded");
  await sentinel.stop();

  const requests = sentinel.lines.filter(({ msg }) => msg === "request");
  expect(requests).toHaveLength(cases.length + refusals);
  expect(upstream.seen[0]?.headers.authorization).toContain(secrets.upstreamKey);
  expect(upstream.seen[0]?.body.toString()).toContain(secrets.prompt);
  for (const [name, secret] of Object.entries(secrets)) {
    const holders = (sentinel.stdout + sentinel.stderr)
      .split("\n")
      .filter((line) => line.includes(secret));
    expect(holders, name).toEqual([]);
  }
});

interface UpstreamCase {
  readonly script: Script;
  readonly body: object;
}

function upstreamCases(): UpstreamCase[] {
  const { prompt, answer, upstreamKey } = secrets;
  const wholeBody = { model: "m", messages: [{ role: "user", content: prompt }] };
  const streamBody = { ...wholeBody, stream: true };
  const echo = { error: { message: `${upstreamKey} may not say: ${prompt}`, code: "refused" } };
  const piece = chatChunk({ content: answer });
  const breakOff: Script = (response, _request, socket) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(piece, () => socket.resetAndDestroy());
  };
  return [
    { script: whole(completion(answer)), body: wholeBody },
    { script: stream([piece, chatChunk({}, "stop"), done]), body: streamBody },
    { script: whole(echo, {}, 400), body: wholeBody },
    { script: whole(echo, {}, 401), body: wholeBody },
    { script: whole(echo, { "retry-after": "60" }, 429), body: streamBody },
    { script: whole(echo, { "retry-after": "60" }, 503), body: wholeBody },
    { script: whole(`${answer} is no JSON`), body: wholeBody },
    { script: stream([piece, `data: ${answer} is no JSON\n\n`, done]), body: streamBody },
    { script: stream([piece, `data: ${JSON.stringify(echo)}\n\n`]), body: streamBody },
    { script: breakOff, body: streamBody },
  ];
}

/** Requests that never get to the upstream, each with something secret in a place of its own. */
async function refusedRequests(sentinel: SentinelProcess): Promise<number> {
  const { prompt, wrongKey, clientKey } = secrets;
  const refused = [
    post(sentinel, { model: "m", messages: prompt }),
    post(sentinel, { model: "m", messages: [{ role: prompt, content: prompt }] }),
    post(sentinel, `{"model": "m", "messages": ${prompt}`),
    post(sentinel, { model: "m", messages: [] }, { authorization: `Bearer ${wrongKey}` }),
    fetch(`${sentinel.url}/v1/models?api_key=${clientKey}`),
    fetch(`${sentinel.url}/v1/models/m?q=${prompt}`, {
      headers: { authorization: `Basic ${wrongKey}`, cookie: `key=${clientKey}` },
    }),
    fetch(`${sentinel.url}/admin/v1/tenants`, { headers: { authorization: `Bearer ${wrongKey}` } }),
  ];
  for (const response of await Promise.all(refused)) {
    expect(response.status).toBeGreaterThanOrEqual(400);
    await response.text();
  }
  return refused.length;
}

const post = (
  { url }: SentinelProcess,
  body: object | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${secrets.clientKey}`,
      "content-type": "application/json",
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

/** To its end, which may be a cut. */
async function consume(asked: Promise<Response>): Promise<void> {
  const response = await asked;
  await response.text().catch(() => undefined);
}
