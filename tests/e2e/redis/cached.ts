import { systemClock } from "../../../src/lib/clock.ts";
import { openRedis } from "../../../src/stores/redis/open.ts";
import { openRedisSemanticStore } from "../../../src/stores/redis/semantic/semantic-store.ts";
import type { SentinelProcess } from "../../support/process.ts";
import { untilTrue } from "../../support/redis.ts";
import { taughtPolicy } from "../../support/taught-policy.ts";
import { askAdmin } from "../kills/proof-tenants.ts";
import { adminOf } from "./fleet.ts";
import type { FleetTenant } from "./fleet.ts";

/** An answer as its client saw it, and what the cache had to do with it. */
export interface CachedAnswer {
  readonly status: number;
  readonly cache: string | null;
  readonly text: string;
  readonly id: string;
  readonly degraded: readonly string[];
  readonly startedMs: number;
  readonly tookMs: number;
}

export interface Question {
  readonly content: string;
  /** More fields of the request. */
  readonly fields?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

type Place = Pick<SentinelProcess, "url">;

/** A chat at temperature 0. */
export async function askCached(
  { url }: Place,
  { key }: Pick<FleetTenant, "key">,
  { content, fields = {}, headers = {} }: Question,
): Promise<CachedAnswer> {
  const startedMs = performance.now();
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({
      model: "m",
      temperature: 0,
      messages: [{ role: "user", content }],
      ...fields,
    }),
  });
  const text = await answer.text();
  const header = (name: string): string | null => answer.headers.get(name);
  return {
    status: answer.status,
    cache: header("x-sentinel-cache"),
    text,
    id: header("x-request-id") ?? "",
    degraded: header("x-sentinel-degraded")?.split(/,\s*/) ?? [],
    startedMs,
    tookMs: performance.now() - startedMs,
  };
}

const only = { "x-sentinel-cache": "only-if-cached" };

/** What a gateway has of it, without asking a provider: a tier, or undefined. */
export async function keptIn(
  at: Place,
  tenant: FleetTenant,
  { headers = {}, ...question }: Question,
): Promise<string | undefined> {
  const answer = await askCached(at, tenant, { ...question, headers: { ...headers, ...only } });
  if (answer.status === 504) return undefined;
  if (answer.status === 200 && answer.cache !== null) return answer.cache;
  throw new Error(`The answer was ${answer.status}: ${answer.text}`);
}

/** What is put into Redis is not waited for, and neither is a shard that is loaded. */
export const untilKept = (
  at: Place,
  tenant: FleetTenant,
  question: Question,
  tier = "exact",
): Promise<void> =>
  untilTrue(`there is an answer by the tier ${tier}`, async () => {
    return (await keptIn(at, tenant, question)) === tier;
  });

/** Until all that a gateway was answered is learnt, and in the store. */
export const untilLearnt = ({ url }: Place): Promise<void> =>
  untilTrue("all is learnt", async () => {
    const health = (await (await fetch(`${url}/health`)).json()) as {
      readonly cache: { readonly semantic: { learning: { waiting: number; running: number } } };
    };
    const { waiting, running } = health.cache.semantic.learning;
    return waiting + running === 0;
  });

export interface SemanticStatus {
  readonly embedder: string;
  readonly channels: Readonly<Record<"CN" | "CS", { can_serve: boolean; labels: number }>>;
}

export async function semanticStatus(at: Place, tenant: string): Promise<SemanticStatus> {
  const status = await askAdmin(adminOf(at), `GET /cache?tenant=${tenant}`);
  return status["semantic"] as SemanticStatus;
}

export interface Lesson {
  readonly tenantId: string;
  readonly redisUrl: string;
  /** What has been found to mean the same: what has one normal form, and what has near vectors. */
  readonly forms?: boolean;
  readonly near?: boolean;
}

/** Has a tenant learnt what means the same, before any gateway has asked for it. */
export async function teach(at: Place, lesson: Lesson): Promise<void> {
  const { tenantId, redisUrl, forms = true, near = false } = lesson;
  const { embedder: embedderId } = await semanticStatus(at, "default");
  await using opened = new AsyncDisposableStack();
  const open = async () => opened.use(await openRedis({ urls: [redisUrl], purpose: "books" }));
  const [redis, background] = [await open(), await open()];
  const tenantBytesMax = 1024 * 1024;
  const given = { redis, background, clock: systemClock, tenantBytesMax };
  const store = opened.use(openRedisSemanticStore(given));
  await store.savePolicy({ tenantId, embedderId }, taughtPolicy({ embedderId, forms, near }));
}

let asked = 0;

/** So many questions that nobody has asked before, one after the other. */
export async function askNew(
  at: Place,
  tenant: FleetTenant,
  count: number,
): Promise<readonly CachedAnswer[]> {
  const answers: CachedAnswer[] = [];
  for (let index = 0; index < count; index += 1) {
    answers.push(await askCached(at, tenant, { content: `New question ${++asked}` }));
  }
  return answers;
}

/** So many of them, of one, took no longer. */
export const partMs = (answers: readonly CachedAnswer[], part: number): number =>
  answers.map(({ tookMs }) => tookMs).toSorted((left, right) => left - right)[
    Math.floor(answers.length * part)
  ] ?? 0;
