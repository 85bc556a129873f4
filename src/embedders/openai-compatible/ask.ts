import { z } from "zod";

import { toFailure } from "../../errors.ts";
import type { PartHealth } from "../../lib/part-health.ts";
import { EmbedFailure, toUnitLength } from "../../pipeline/cache/embedder.ts";
import { basePathOf } from "../../providers/adapter-options.ts";
import { parseJsonAnswer } from "../../providers/transport/parse-answer.ts";
import type { UpstreamPools } from "../../providers/transport/pools.ts";
import { readAll } from "../../providers/transport/read-all.ts";
import { upstreamHeaders } from "../../providers/transport/request-headers.ts";
import { sendUpstream } from "../../providers/transport/send.ts";
import type { Embedded } from "../embed-queue.ts";

/** A model behind OpenAI's `/v1/embeddings`. */
export interface EmbeddingApi {
  /** How messages name it: never its address. */
  readonly name: string;
  /** With the version in its path and no slash at the end: `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  readonly apiKey: string | undefined;
  /** Asked for with every text, of models that can shorten their vectors. */
  readonly dimensions?: number;
  /** Headers that the operator adds to every request, names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface EmbeddingServer extends EmbeddingApi {
  readonly pools: UpstreamPools;
  readonly limits: { readonly connectMs: number; readonly answerMs: number };
  readonly health: PartHealth;
  readonly reader: VectorReader;
}

/** 64 texts of 4,096 numbers, each written with 20 digits, are 5 MiB. */
const answerBytesMax = 16 * 1024 * 1024;

/** OpenAI's models read 8,192 tokens, which no text of more characters than this fits into. */
const textCharactersMax = 64 * 1024;

/** What a server says of a request that it understood and will not do: the text is at fault. */
const refusals: ReadonlySet<number> = new Set([400, 413, 422]);

/**
 * Asks for the vectors of these texts in one request. Where the server refuses the batch each text goes by itself,
 * one after the other, so that one text which it does not take costs nobody else's.
 */
export async function askForVectors(
  server: EmbeddingServer,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<readonly Embedded[]> {
  const short = texts.filter(isShort);
  const vectors = short.length === 0 ? [] : await askTogether(server, short, signal);
  let next = 0;
  return texts.map((text) => (isShort(text) ? (vectors[next++] ?? missing(server)) : tooLong()));
}

const isShort = (text: string): boolean => text.length <= textCharactersMax;

const tooLong = (): EmbedFailure =>
  new EmbedFailure("too_long", `The text has more than ${textCharactersMax} characters.`);

const missing = ({ name }: EmbeddingServer): EmbedFailure =>
  new EmbedFailure("unavailable", `${name} left out a vector.`);

async function askTogether(
  server: EmbeddingServer,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<readonly Embedded[]> {
  try {
    return await askOnce(server, texts, signal);
  } catch (thrown) {
    const failure = embedFailureOf(signal.aborted ? signal.reason : thrown);
    if (failure.kind !== "refused" || texts.length === 1) {
      note(server.health, failure);
      return texts.map(() => failure);
    }
  }
  const results: Embedded[] = [];
  for (const text of texts) results.push(...(await askTogether(server, [text], signal)));
  return results;
}

async function askOnce(
  server: EmbeddingServer,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<readonly Embedded[]> {
  const { name, limits } = server;
  const response = await sendUpstream(server.pools, {
    method: "POST",
    path: `${basePathOf(server)}/embeddings`,
    headers: requestHeaders(server),
    body: requestBody(server, texts),
    signal,
    deadlines: {
      connectMs: limits.connectMs,
      firstByteMs: limits.answerMs,
      idleMs: limits.answerMs,
      totalMs: limits.answerMs,
    },
    deadlineTickMs: performance.now() + limits.answerMs,
    upstreamName: name,
  });
  const bytes = await readAll(response.body, answerBytesMax, name);
  if (response.status !== 200) throw refusalOf(name, response.status);
  const vectors = server.reader.read(parseJsonAnswer(bytes, name), texts.length);
  server.health.noteOk();
  return vectors;
}

function requestHeaders({ apiKey, headers = {} }: EmbeddingServer): string[] {
  const rules = { keyHeader: "authorization", set: headers } as const;
  return [
    "content-type",
    "application/json",
    ...upstreamHeaders(rules, "application/json", apiKey),
  ];
}

/** A single text goes as a text: some servers take no list. */
function requestBody({ model, dimensions }: EmbeddingServer, texts: readonly string[]): string {
  const input = texts.length === 1 ? texts[0] : texts;
  return JSON.stringify({ model, input, dimensions, encoding_format: "float" });
}

/** Its words are not shown: they may quote the text or the key. */
function refusalOf(name: string, status: number): EmbedFailure {
  const kind = refusals.has(status) ? "refused" : "unavailable";
  return new EmbedFailure(kind, `${name} answered ${status}.`);
}

function embedFailureOf(thrown: unknown): EmbedFailure {
  if (thrown instanceof EmbedFailure) return thrown;
  const failure = toFailure(thrown);
  switch (failure.kind) {
    case "upstream_timeout":
      return new EmbedFailure("timeout", failure.message, failure);
    case "client_closed_request":
      return new EmbedFailure("cancelled", failure.message, failure);
    default:
      return new EmbedFailure("unavailable", failure.message, failure);
  }
}

function note(health: PartHealth, failure: EmbedFailure): void {
  if (failure.kind !== "cancelled") health.noteFailure(failure.message);
}

const answerSchema = z.looseObject({
  data: z.array(
    z.looseObject({ index: z.int().min(0).optional(), embedding: z.array(z.number()) }),
  ),
});

/** Reads vectors, all of one length: the one that was asked for, or the first one's. */
export class VectorReader {
  readonly #name: string;
  #dimensions: number | undefined;

  constructor(name: string, dimensions: number | undefined) {
    this.#name = name;
    this.#dimensions = dimensions;
  }

  get dimensions(): number | undefined {
    return this.#dimensions;
  }

  /** In the order of their `index`; throws `unavailable` where the answer is not these vectors. */
  read(answer: unknown, count: number): readonly Embedded[] {
    const parsed = answerSchema.safeParse(answer);
    if (!parsed.success) throw this.#wrong("an answer that is no list of vectors", parsed.error);
    const { data } = parsed.data;
    const vectors: Float32Array[] = [];
    const wanted = this.#dimensions ?? data[0]?.embedding.length ?? 0;
    data.forEach(({ index, embedding }, position) => {
      vectors[index ?? position] = this.#vectorOf(embedding, wanted);
    });
    // A list with a gap is as long as its last index says, so each is looked at.
    for (let index = 0; index < count; index++) {
      if (vectors[index] === undefined) throw this.#wrong("too few vectors");
    }
    if (vectors.length !== count) throw this.#wrong("more vectors than texts");
    this.#dimensions = wanted;
    return vectors;
  }

  #vectorOf(embedding: readonly number[], wanted: number): Float32Array {
    if (embedding.length !== wanted) {
      throw this.#wrong(`a vector of ${embedding.length} numbers in place of ${wanted}`);
    }
    const vector = toUnitLength(Float32Array.from(embedding));
    if (vector === undefined) throw this.#wrong("a vector without a direction");
    return vector;
  }

  #wrong(what: string, cause?: unknown): EmbedFailure {
    return new EmbedFailure("unavailable", `${this.#name} sent ${what}.`, cause);
  }
}
