import type { DemoClient } from "./client.ts";
import {
  plainQuestion,
  politeQuestion,
  rewordedQuestion,
  topicCount,
  waysCount,
} from "./questions.ts";
import type { DemoTenants } from "./tenants.ts";

/** One kind of traffic, and how often a second it happens at a scale of 1. */
export interface Activity {
  readonly name: string;
  readonly perSecond: number;
  readonly run: (turn: number) => Promise<unknown>;
}

export interface ActivityDeps {
  readonly client: DemoClient;
  readonly tenants: DemoTenants;
  readonly adminToken: string;
  /** How many topics were asked while the semantic cache learnt: later questions are about those. */
  readonly learntTopics: number;
}

const chat = (model: string, content: string, more: object = {}): object => ({
  model,
  messages: [{ role: "user", content }],
  ...more,
});
const streamed = { stream: true, stream_options: { include_usage: true } } as const;
const chatPath = "/v1/chat/completions";

/** A question that nobody asked before. */
let freshCount = 0;
const fresh = (): string => `Is order ${++freshCount} of this week on its way to me?`;

/** All of the demo's traffic: about thirty requests a second. */
export const activitiesOf = (deps: ActivityDeps): readonly Activity[] => [
  ...everyday(deps),
  ...cached(deps),
  ...troubled(deps),
  ...opined(deps),
  ...limited(deps),
  ...mistaken(deps),
  ...reporting(deps),
];

function everyday({ client, tenants }: ActivityDeps): readonly Activity[] {
  const { key } = tenants["corner-shop"];
  const tags = ["team=web,feature=chat", "team=web,feature=search", "team=store"];
  const headers = (turn: number) => ({ "x-sentinel-tags": tags[turn % tags.length] ?? "" });
  const messages = (more: object = {}): object => ({
    model: "assistant",
    max_tokens: 200,
    messages: [{ role: "user", content: fresh() }],
    ...more,
  });
  const anthropic = { "anthropic-version": "2023-06-01" };
  const post = (path: string, body: object, more: object = {}) =>
    client.ask({ path, key, body, ...more });
  return [
    {
      name: "whole answers",
      perSecond: 3,
      run: (turn) => post(chatPath, chat("assistant", fresh()), { headers: headers(turn) }),
    },
    {
      name: "streams",
      perSecond: 3,
      run: (turn) =>
        post(chatPath, chat("assistant", fresh(), streamed), { headers: headers(turn) }),
    },
    {
      name: "quick answers",
      perSecond: 2,
      run: () => post(chatPath, chat("quick", fresh(), streamed)),
    },
    { name: "reasoning", perSecond: 0.5, run: () => post(chatPath, chat("thinker", fresh())) },
    {
      name: "Anthropic's messages",
      perSecond: 1,
      run: (turn) =>
        post("/v1/messages", messages({ stream: turn % 2 === 0 }), { headers: anthropic }),
    },
    {
      name: "counted tokens",
      perSecond: 0.2,
      run: () => post("/v1/messages/count_tokens", messages(), { headers: anthropic }),
    },
    {
      name: "responses",
      perSecond: 0.4,
      run: () => post("/v1/responses", { model: "atlas-mini", input: fresh(), store: false }),
    },
    {
      name: "completions",
      perSecond: 0.3,
      run: () => post("/v1/completions", { model: "atlas-mini", prompt: fresh() }),
    },
    {
      name: "moderations",
      perSecond: 0.2,
      run: () => post("/v1/moderations", { model: "atlas-mini", input: fresh() }),
    },
    {
      name: "embeddings",
      perSecond: 1,
      run: (turn) =>
        post("/v1/embeddings", { model: "atlas-embed", input: [plainQuestion(turn % 40)] }),
    },
    {
      name: "clients who leave",
      perSecond: 0.5,
      run: () => post(chatPath, chat("assistant", fresh(), streamed), { leaveAfterMs: 500 }),
    },
  ];
}

function cached({ client, tenants, learntTopics }: ActivityDeps): readonly Activity[] {
  const shop = tenants["corner-shop"].key;
  const desk = tenants["help-desk"].key;
  const support = (content: string, more: object = {}) =>
    client.ask({
      path: chatPath,
      key: desk,
      body: chat("support", content, { temperature: 0, ...more }),
    });
  const about = (turn: number): number => (turn * 7) % Math.max(1, learntTopics);
  const way = (turn: number): number => Math.floor(turn / Math.max(1, learntTopics)) % waysCount;
  return [
    {
      name: "exact hits",
      perSecond: 3,
      run: (turn) => {
        const body = chat("quick", plainQuestion(turn % 12), {
          temperature: 0,
          stream: turn % 3 === 0,
        });
        return client.ask({ path: chatPath, key: shop, body });
      },
    },
    {
      name: "the same in other courtesies",
      perSecond: 4,
      run: (turn) => support(politeQuestion(about(turn), way(turn) + 1)),
    },
    {
      name: "the same in other words",
      perSecond: 4,
      run: (turn) => support(rewordedQuestion(about(turn), way(turn) + 1)),
    },
    {
      name: "new questions",
      perSecond: 1,
      run: (turn) => support(plainQuestion(learntTopics + (turn % (topicCount - learntTopics)))),
    },
    {
      name: "only what is cached",
      perSecond: 0.3,
      run: () =>
        client.ask({
          path: chatPath,
          key: shop,
          body: chat("quick", fresh(), { temperature: 0 }),
          headers: { "x-sentinel-cache": "only-if-cached" },
        }),
    },
  ];
}

function troubled({ client, tenants }: ActivityDeps): readonly Activity[] {
  const { key } = tenants["night-shift"];
  const ask = (model: string, more: object = {}) =>
    client.ask({ path: chatPath, key, body: chat(model, fresh(), more) });
  return [
    { name: "retries and fallbacks", perSecond: 2, run: () => ask("with-fallback") },
    { name: "late first bytes", perSecond: 0.6, run: () => ask("impatient") },
    { name: "timeouts", perSecond: 0.3, run: () => ask("hasty") },
    { name: "broken streams", perSecond: 0.4, run: () => ask("breaking", streamed) },
    { name: "busy providers", perSecond: 0.5, run: () => ask("busy") },
    { name: "busy, without a retry", perSecond: 0.3, run: () => ask("much-asked") },
    { name: "open circuits", perSecond: 1.5, run: () => ask("fragile") },
    { name: "nobody left to ask", perSecond: 0.4, run: () => ask("dead-end") },
    { name: "refused prompts", perSecond: 0.2, run: () => ask("strict") },
    { name: "refused credentials", perSecond: 0.2, run: () => ask("revoked") },
  ];
}

/** What users say of answers: four of five like them. */
function opined({ client, tenants }: ActivityDeps): readonly Activity[] {
  const { key } = tenants["corner-shop"];
  return [
    {
      name: "thumbs up and down",
      perSecond: 0.5,
      run: async (turn) => {
        const { status, requestId } = await client.ask({
          path: chatPath,
          key,
          body: chat("quick", fresh()),
        });
        if (status !== 200 || requestId === undefined) return;
        const score = turn % 5 === 1 ? "down" : "up";
        await client.ask({ path: "/v1/feedback", key, body: { request_id: requestId, score } });
      },
    },
  ];
}

function limited({ client, tenants }: ActivityDeps): readonly Activity[] {
  const ask = (key: string, more: object = {}) =>
    client.ask({
      path: chatPath,
      key,
      body: chat("atlas-mini", fresh(), { max_tokens: 60, ...more }),
    });
  return [
    { name: "too many requests", perSecond: 1.2, run: () => ask(tenants["trial-user"].key) },
    { name: "too many tokens", perSecond: 0.8, run: () => ask(tenants["small-plan"].key) },
    {
      name: "too many at once",
      perSecond: 0.5,
      run: () =>
        Promise.all([1, 2, 3].map(() => ask(tenants["one-at-a-time"].key, { stream: true }))),
    },
    { name: "a budget nearly spent", perSecond: 0.5, run: () => ask(tenants["nearly-spent"].key) },
    { name: "a budget spent", perSecond: 0.6, run: () => ask(tenants.spent.key) },
  ];
}

function mistaken({ client, tenants }: ActivityDeps): readonly Activity[] {
  const { key } = tenants["corner-shop"];
  const path = chatPath;
  return [
    {
      name: "wrong keys",
      perSecond: 0.3,
      run: () => client.ask({ path, key: "sk-sentinel-nobody", body: chat("quick", fresh()) }),
    },
    {
      name: "unknown models",
      perSecond: 0.3,
      // Not the shop: its hard budget would refuse the unknown price before anybody looks for the model.
      run: () =>
        client.ask({
          path,
          key: tenants["night-shift"].key,
          body: chat("unheard-of", fresh()),
        }),
    },
    {
      name: "models that are not allowed",
      perSecond: 0.2,
      run: () =>
        client.ask({ path, key: tenants["read-only-models"].key, body: chat("thinker", fresh()) }),
    },
    {
      name: "requests without messages",
      perSecond: 0.2,
      run: () => client.ask({ path, key, body: { model: "quick", messages: "Hello" } }),
    },
    {
      name: "broken JSON",
      perSecond: 0.2,
      run: () => client.ask({ path, key, body: '{"model": ' }),
    },
    {
      name: "unknown paths",
      perSecond: 0.1,
      run: () => client.ask({ path: "/v1/images", key, body: {} }),
    },
  ];
}

function reporting({ client, tenants, adminToken }: ActivityDeps): readonly Activity[] {
  const { key } = tenants["corner-shop"];
  const get =
    (path: string, as = key) =>
    () =>
      client.ask({ path, key: as });
  return [
    { name: "lists of models", perSecond: 0.2, run: get("/v1/models") },
    { name: "usage", perSecond: 0.2, run: get("/v1/usage?group_by=model") },
    { name: "audit", perSecond: 0.2, run: get("/v1/audit?limit=20") },
    { name: "the control plane", perSecond: 0.1, run: get("/admin/v1/providers", adminToken) },
  ];
}
