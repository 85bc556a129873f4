import { join } from "node:path";

import { ulid } from "ulid";
import { expect, test } from "vitest";

import { systemClock } from "../../src/lib/clock.ts";
import { fromObject } from "../../src/lib/json-text.ts";
import type { AnswerCache } from "../../src/pipeline/cache/answer-cache.ts";
import type { ExactStore } from "../../src/pipeline/cache/cache-store.ts";
import { createSemanticTier } from "../../src/pipeline/cache/create-semantic-tier.ts";
import { askCache, findAnswer } from "../../src/pipeline/cache/lookup.ts";
import type { CacheableCall } from "../../src/pipeline/cache/lookup.ts";
import type { SemanticStore } from "../../src/pipeline/cache/semantic-store.ts";
import type { ManagedSemanticTier } from "../../src/pipeline/cache/semantic-tier.ts";
import { openSharedCalls } from "../../src/pipeline/cache/shared-call.ts";
import type { IncomingCall } from "../../src/pipeline/incoming-call.ts";
import type { RouteFound } from "../../src/pipeline/response-binding.ts";
import { MemoryExactCache } from "../../src/stores/memory/exact-cache.ts";
import { layeredExactStore } from "../../src/stores/memory/layered-exact-store.ts";
import { openRedisExactStore } from "../../src/stores/redis/cache/exact-store.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import { openRedisSemanticStore } from "../../src/stores/redis/semantic/semantic-store.ts";
import { openSqliteExactStore } from "../../src/stores/sqlite/cache/exact-store.ts";
import { openSqliteSemanticStore } from "../../src/stores/sqlite/semantic/semantic-store.ts";
import { guardNames } from "../../src/tenants/cache-policy.ts";
import type { Policy } from "../../src/tenants/tenant.ts";
import {
  bodyAt,
  headersAt,
  placeChoices,
  placeText,
  probeNear,
  somePlaces,
} from "../support/cached-places.ts";
import type { CachedPlace } from "../support/cached-places.ts";
import { startRedis } from "../support/redis.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { idle, learnerId, paraphrase, wordsOf } from "../support/semantic-lab.ts";
import { anAnswer } from "../support/stored-answers.ts";
import { taughtPolicy } from "../support/taught-policy.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { WordEmbedder } from "../support/word-embedder.ts";

/** The lookup of a gateway on its real stores, asked ten thousand times for what was answered somewhere else. */

interface OpenedStores {
  readonly exact: ExactStore;
  readonly semantic: SemanticStore;
}

/** However busy the machine is. */
const answerMs = 10_000;
const bytesMax = 256 * 1024 * 1024;
const clock = systemClock;

const backends: readonly {
  readonly name: string;
  /** Each write waits for a batch on disk, so that the rest of ten thousand and more are asked of Redis. */
  readonly probes: number;
  /** Gives what opens the stores, once for each process that there would be. */
  readonly start: (resources: AsyncDisposableStack) => Promise<() => Promise<OpenedStores>>;
}[] = [
  {
    name: "SQLite",
    probes: 1_000,
    start: async (resources) => {
      const { path: folder } = resources.use(await tempFolder());
      const settings = { bytesMax, clock, answerMs };
      return () => {
        const exact = openSqliteExactStore({ path: join(folder, "cache.db"), ...settings });
        const path = join(folder, "semantic.db");
        const semantic = openSqliteSemanticStore({ path, ...settings });
        return Promise.resolve({ exact, semantic });
      };
    },
  },
  {
    name: "Redis",
    probes: 10_000,
    start: async (resources) => {
      const { url } = resources.use(await startRedis());
      const connect = async () => resources.use(await openRedis({ urls: [url], purpose: "books" }));
      return async () => {
        const [redis, background] = [await connect(), await connect()];
        const settings = { redis, clock, tenantBytesMax: bytesMax, answerMs };
        const exact = openRedisExactStore(settings);
        return { exact, semantic: openRedisSemanticStore({ ...settings, background }) };
      };
    },
  },
];

const policies: readonly Policy[] = [
  { cache: { semantic: { mode: "on", guards_off: [...guardNames] } } },
];

interface Replica extends AsyncDisposable {
  readonly cache: AnswerCache;
  readonly tier: ManagedSemanticTier;
}

function replicaOn({ exact, semantic }: OpenedStores): Replica {
  const tier = createSemanticTier({
    store: semantic,
    embedder: new WordEmbedder(),
    check: { same: () => Promise.resolve({ refused: "unavailable" }) },
    clock,
    // No audits: what may be served is served.
    random: () => 0.999,
    onError: (error) => {
      throw error;
    },
    limits: { findMs: answerMs, embedMs: answerMs },
  });
  const memory = new MemoryExactCache({ bytesMax, clock });
  const layered = layeredExactStore({ memory, store: exact });
  const onError = (error: unknown): never => {
    throw error;
  };
  return {
    cache: {
      exact: layered,
      semantic: tier,
      calls: openSharedCalls(),
      recorded: { bytes: 0 },
      clock,
      onError,
    },
    tier,
    [Symbol.asyncDispose]: async () => {
      await tier[Symbol.asyncDispose]();
      await layered[Symbol.asyncDispose]();
      await semantic[Symbol.asyncDispose]();
    },
  };
}

const signal = new AbortController().signal;

function callAt(place: CachedPlace, question: string): IncomingCall {
  const { tenant: tenantId, endpoint, model, pin } = place;
  return {
    id: ulid(),
    clientRequestId: undefined,
    caller: { tenantId, keyId: "key", role: "inference", policies },
    endpoint,
    model,
    isStream: false,
    request: fromObject(bodyAt(place, question)),
    requestBytes: Buffer.alloc(0),
    pin: pin === undefined ? undefined : { providerName: pin, keyId: undefined },
    clientHeaders: headersAt(place),
    tags: {},
    userAgent: undefined,
    trace: undefined,
    signal,
    timeoutMs: undefined,
    startedEpochMs: clock.epochMs(),
    startedTickMs: clock.tickMs(),
  };
}

/** An alias that may have meant something else before is in the key by what it means: here each is what it says. */
const routes = new Map<string, RouteFound>();
function routeOf(model: string): RouteFound {
  const known = routes.get(model);
  if (known !== undefined) return known;
  const target = { name: `test/${model}`, providerName: "test", model };
  const provider = { send: () => Promise.reject(new Error("Nobody is to be asked.")) };
  const route = { name: model, strategy: "single", targets: [target], provider };
  routes.set(model, route);
  return route;
}

function askingAt(replica: Replica, call: IncomingCall): CacheableCall {
  const asking = askCache(call, routeOf(call.model), replica.cache);
  if (asking.kind !== "cacheable") throw new Error(`not cacheable: ${asking.reason}`);
  return asking;
}

/** What was found, as its model said it. */
async function found(replica: Replica, place: CachedPlace, question: string) {
  const call = callAt(place, question);
  const answer = await findAnswer(askingAt(replica, call), call);
  if (answer?.body.kind !== "whole") return undefined;
  return { text: said(answer.body.value), tier: answer.note.outcome };
}

interface AnyAnswer {
  readonly choices?: readonly { readonly message: { readonly content: string } }[];
  readonly content?: readonly { readonly text: string }[];
}

const said = ({ choices, content }: AnyAnswer): string | undefined =>
  choices?.[0]?.message.content ?? content?.[0]?.text;

const answerOf = ({ endpoint }: CachedPlace, text: string): object =>
  endpoint === "chat"
    ? {
        id: "chatcmpl-1",
        choices: [
          { index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" },
        ],
      }
    : {
        id: "msg_1",
        type: "message",
        role: "assistant",
        content: [{ type: "text", text }],
        stop_reason: "end_turn",
      };

/** As the gateway does it with a miss. */
async function answerAt(replica: Replica, place: CachedPlace, question: string, text: string) {
  const call = callAt(place, question);
  const asking = askingAt(replica, call);
  if ((await findAnswer(asking, call)) !== undefined) return;
  const nowEpochMs = clock.epochMs();
  const answer = anAnswer({
    requestId: call.id,
    tenantId: place.tenant,
    model: place.model,
    endpoint: place.endpoint,
    body: { kind: "whole", bytes: Buffer.from(JSON.stringify(answerOf(place, text))) },
    storedAtEpochMs: nowEpochMs,
    expiresAtEpochMs: nowEpochMs + 3_600_000,
  });
  await replica.cache.exact.put(asking.key, answer);
  asking.semantic?.learn(answer);
  await idle(replica.tier);
}

const topics = 4;
/** As it was asked first; the exact tier has that, and the semantic one what is written otherwise. */
const plain = (about: number): string => wordsOf(about).join(" ");

const random = seededRandom(11);
const among = { choices: placeChoices, random };
const labelOf = (place: CachedPlace, about: number): string => `${placeText(place)} ${about}`;

/** Places in which each topic was answered, with an answer that says where it belongs. */
async function fill(replica: Replica): Promise<readonly CachedPlace[]> {
  const places = [...somePlaces(60, among).values()];
  for (const place of places) {
    for (let about = 0; about < topics; about += 1) {
      await answerAt(replica, place, plain(about), labelOf(place, about));
    }
  }
  return places;
}

/** Asks around the places that were answered, of each replica in turn; fails where what is found belongs elsewhere. */
async function probeAround(
  probes: number,
  places: readonly CachedPlace[],
  replicas: readonly Replica[],
) {
  const answered = new Set(places.map(placeText));
  const counts = { own: 0, exact: 0, semantic: 0 };
  for (let probe = 0; probe < probes; probe += 1) {
    const replica = replicas[probe % replicas.length];
    if (replica === undefined) throw new Error("there is nothing to probe");
    const place = probeNear(places, among);
    const about = Math.floor(random() * topics);
    const question = random() < 0.5 ? plain(about) : paraphrase(about, random);
    const isOwn = answered.has(placeText(place));
    if (isOwn) counts.own += 1;
    const hit = await found(replica, place, question);
    if (hit === undefined) continue;
    counts[hit.tier] += 1;
    expect(isOwn ? hit.text : undefined).toBe(labelOf(place, about));
  }
  return counts;
}

test.each(backends)(
  "in $probes probes on $name nobody finds what was answered to another tenant, or to another request",
  async ({ start, probes }) => {
    await using resources = new AsyncDisposableStack();
    const open = await start(resources);
    const stores = await open();
    for (const tenantId of placeChoices.tenant) {
      const policy = taughtPolicy({ embedderId: learnerId });
      await stores.semantic.savePolicy({ tenantId, embedderId: learnerId }, policy);
    }
    const filled = resources.use(replicaOn(stores));
    const places = await fill(filled);
    // Another process, or this one after a restart: it builds its index from the store.
    const rebuilt = resources.use(replicaOn(await open()));
    const { own, exact, semantic } = await probeAround(probes, places, [filled, rebuilt]);
    // What was answered there is found: the probes can find something.
    expect(own).toBeGreaterThan(probes / 5);
    expect(probes - own).toBeGreaterThan(probes / 3);
    expect(exact).toBeGreaterThan(own / 3);
    // A request with tools is not for the semantic tier.
    expect(semantic).toBeGreaterThan(own / 5);
  },
  60_000,
);
