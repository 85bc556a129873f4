import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { afterAll, expect, test } from "vitest";

import { systemClock } from "../../src/lib/clock.ts";
import { openSqliteSemanticStore } from "../../src/stores/sqlite/semantic/semantic-store.ts";
import { admin } from "../support/admin-client.ts";
import {
  bodyAt,
  headersAt,
  placeChoices,
  placeText,
  probeNear,
  somePlaces,
} from "../support/cached-places.ts";
import type { CachedPlace } from "../support/cached-places.ts";
import { startGateway } from "../support/gateway.ts";
import { plainly, politely } from "../support/menu-questions.ts";
import { impatient, yamlOf } from "../support/one-upstream.ts";
import { newTenant } from "../support/priced-upstream.ts";
import type { TestTenant } from "../support/priced-upstream.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { startSemanticUpstream } from "../support/semantic-upstream.ts";
import { taughtPolicy } from "../support/taught-policy.ts";

/**
 * The whole gateway over HTTP, probed for what it has of others' answers; tests/contract/cache-isolation.test.ts probes the
 * lookup ten thousand times on each store.
 */
const servers = await startSemanticUpstream();
const gateway = await startGateway({
  yaml: yamlOf({
    providers: {
      test: {
        type: "openai",
        base_url: servers.upstream.baseUrl,
        api_keys: ["sk-upstream"],
        models: ["m", "untold"],
      },
    },
  }),
  env: {
    ...impatient,
    SENTINEL_CACHE: "on",
    SENTINEL_EMBEDDER: servers.embeddings.baseUrl,
    SENTINEL_EMBEDDER_MODEL: "e",
  },
});
afterAll(async () => {
  await gateway.close();
  await servers[Symbol.asyncDispose]();
});

const choices = {
  ...placeChoices,
  tenant: placeChoices.tenant.map((_, index) => String(index)),
};
const random = seededRandom(23);
const questionCount = 4;

/** Tenants that know already that questions of one normal form mean the same. */
async function taughtTenants(): Promise<readonly TestTenant[]> {
  const policy = { cache: { semantic: { mode: "on" } } };
  const tenants = await Promise.all(choices.tenant.map(() => newTenant(gateway, { policy })));
  const status = await admin(gateway, "GET /cache?tenant=default");
  const { embedder: embedderId } = status["semantic"] as { embedder: string };
  await using store = openSqliteSemanticStore({
    path: join(gateway.dataDir, "semantic.db"),
    bytesMax: 1024 * 1024 * 1024,
    clock: systemClock,
  });
  for (const { id: tenantId } of tenants) {
    await store.savePolicy({ tenantId, embedderId }, taughtPolicy({ embedderId, near: false }));
  }
  return tenants;
}

const tenants = await taughtTenants();

interface Found {
  readonly status: number;
  readonly cache: string | null;
  readonly text: string | undefined;
}

interface AnyAnswer {
  readonly choices?: readonly { readonly message: { readonly content: string } }[];
  readonly content?: readonly { readonly text: string }[];
}

async function ask(
  place: CachedPlace,
  question: string,
  headers: Record<string, string> = {},
): Promise<Found> {
  const tenant = tenants[Number(place.tenant)];
  if (tenant === undefined) throw new Error("there is no such tenant");
  const path = place.endpoint === "chat" ? "/v1/chat/completions" : "/v1/messages";
  const body = bodyAt(place, question);
  const answer = await tenant.post(path, body, { ...headersAt(place), ...headers });
  const json = (await answer.json()) as AnyAnswer;
  return {
    status: answer.status,
    cache: answer.headers.get("x-sentinel-cache"),
    text: json.choices?.[0]?.message.content ?? json.content?.[0]?.text,
  };
}

async function untilLearnt(): Promise<void> {
  for (;;) {
    const health = (await (await gateway.fetch("/health")).json()) as {
      readonly cache: { readonly semantic: { learning: { waiting: number; running: number } } };
    };
    const { waiting, running } = health.cache.semantic.learning;
    if (waiting + running === 0) return;
    await pause(5);
  }
}

const probes = 1_000;
const atOnce = 8;

test("whoever probes the gateway finds what the same tenant was answered to the same request, and nothing else", async () => {
  const among = { choices, random };
  const answered = somePlaces(40, among);
  const places = [...answered.values()];
  const made = new Map<string, string>();
  const nameOf = (place: CachedPlace, index: number): string => `${placeText(place)} ${index}`;
  for (const place of places) {
    for (let index = 0; index < questionCount; index += 1) {
      const { status, cache, text } = await ask(place, plainly(index));
      expect({ status, cache }).toEqual({ status: 200, cache: "miss" });
      made.set(nameOf(place, index), text ?? "");
    }
    await untilLearnt();
  }
  servers.upstream.forget();

  const counts = { own: 0, exact: 0, semantic: 0 };
  const probe = async (): Promise<void> => {
    const place = probeNear(places, among);
    const index = Math.floor(random() * questionCount);
    const question = random() < 0.5 ? plainly(index) : politely(index);
    const isOwn = answered.has(placeText(place));
    if (isOwn) counts.own += 1;
    const { status, cache, text } = await ask(place, question, {
      "x-sentinel-cache": "only-if-cached",
    });
    if (status === 504) return;
    expect({ status, text }).toEqual({ status: 200, text: made.get(nameOf(place, index)) });
    counts[cache === "exact" ? "exact" : "semantic"] += 1;
  };
  let turn = 0;
  const client = async (): Promise<void> => {
    while (turn++ < probes) await probe();
  };
  await Promise.all(Array.from({ length: atOnce }, client));

  expect(servers.upstream.seen).toHaveLength(0);
  // What was answered there is found: the probes can find something.
  expect(counts.own).toBeGreaterThan(probes / 5);
  expect(probes - counts.own).toBeGreaterThan(probes / 3);
  expect(counts.exact).toBeGreaterThan(counts.own / 3);
  // A request with tools is not for the semantic tier, and one would-be hit in twenty is audited.
  expect(counts.semantic).toBeGreaterThan(counts.own / 10);
}, 60_000);
