import type { ServerResponse } from "node:http";

import { expect, test } from "vitest";

import { admin } from "../support/admin-client.ts";
import { until } from "../support/gateway.ts";
import { sharePricedUpstream } from "../support/priced-upstream.ts";
import { chatChunk, completion, done, stream, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";

const alias = (...models: readonly string[]) => ({
  targets: models.map((model) => ({ provider: "test", model })),
});
const plane = await sharePricedUpstream({
  yaml: { models: { al: alias("m", "untold"), on: alias("m:online") } },
});
const sure = { temperature: 0 };
const cacheOf = (answer: Response) => answer.headers.get("x-sentinel-cache");

function held(): { readonly script: Script; readonly answers: ServerResponse[] } {
  const answers: ServerResponse[] = [];
  return { script: (response) => void answers.push(response), answers };
}

const finish = (response: ServerResponse | undefined, content: string): void => {
  response?.writeHead(200, { "content-type": "application/json" });
  response?.end(JSON.stringify(completion(content)));
};

test("requests with tools make calls of their own: a call of a tool is for one to make", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const tools = [{ type: "function", function: { name: "pay", parameters: {} } }];
  const asking = [tenant.chat({ ...sure, tools }), tenant.chat({ ...sure, tools })];
  await until("each has asked", () => answers.length === 2);
  for (const answer of answers) finish(answer, "done");
  await Promise.all(asking);
});

test("a refusal in OpenAI's own field is not kept, whole or streamed", async () => {
  const tenant = await plane.newTenant();
  const refusal = { role: "assistant", content: null, refusal: "I cannot help with that." };
  plane.upstream.answer(
    whole(completion("", { choices: [{ index: 0, message: refusal, finish_reason: "stop" }] })),
  );
  expect(cacheOf(await tenant.chat(sure))).toBe("bypass");
  expect(cacheOf(await tenant.chat(sure))).toBe("bypass");
  plane.upstream.answer(
    stream([
      chatChunk({ refusal: "I cannot " }),
      chatChunk({ refusal: "help." }),
      chatChunk({}, "stop"),
      done,
    ]),
  );
  const streamed = { ...sure, stream: true };
  for (const time of ["first", "second"]) {
    const answer = await tenant.chat(streamed);
    expect(cacheOf(answer), time).toBe("miss");
    await answer.text();
  }
});

test("who asks after a purge does not get the answer to a call that began before it", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const before = tenant.chat(sure);
  await until("the provider is asked", () => answers.length === 1);
  await admin(plane.gateway, "POST /cache/purge", { tenant: tenant.id, all: true });
  const after = tenant.chat(sure);
  await until("it is asked again", () => answers.length === 2);
  finish(answers[0], "old");
  finish(answers[1], "new");
  expect(await (await before).text()).toContain("old");
  expect(await (await after).text()).toContain("new");
  expect(await (await tenant.chat(sure)).text()).toContain("new");
});

test("an answer that was long in coming does not take the place of one that was asked for later", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const slow = tenant.chat(sure);
  await until("the provider is asked", () => answers.length === 1);
  const fresh = tenant.chat(sure, { "x-sentinel-cache": "refresh" });
  await until("it is asked again", () => answers.length === 2);
  finish(answers[1], "fresh");
  await (await fresh).text();
  finish(answers[0], "slow");
  await (await slow).text();
  expect(await (await tenant.chat(sure)).text()).toContain("fresh");
});

test("a model that searches the web without being asked to is not cached", async () => {
  plane.upstream.answer(whole(completion("news")));
  const tenant = await plane.newTenant();
  expect(cacheOf(await tenant.chat({ ...sure, model: "on" }))).toBe("bypass");
});
