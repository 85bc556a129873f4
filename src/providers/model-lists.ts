import type { Clock } from "../lib/clock.ts";

/** One entry of `GET /v1/models`, as the provider wrote it. */
export interface ListedModel {
  readonly id: string;
  readonly created: number;
  readonly [field: string]: unknown;
}

/** Asks a provider for its models. Rejects if it does not tell. */
export type FetchModels = (signal: AbortSignal) => Promise<readonly ListedModel[]>;

/** One request each; servers that have no list have none for any key. */
const keysAskedMax = 3;

/** Lists with the first key that is taken: one that the vendor refuses must not hide its models. */
export async function listWithAnyKey(
  keys: readonly string[],
  list: (keys: readonly string[]) => Promise<readonly ListedModel[]>,
): Promise<readonly ListedModel[]> {
  let refused: { readonly reason: unknown } | undefined;
  for (const key of keys.slice(0, keysAskedMax)) {
    try {
      return await list([key]);
    } catch (reason) {
      refused ??= { reason };
    }
  }
  if (refused !== undefined) throw refused.reason;
  return list([]);
}

const freshMs = 5 * 60_000;
/** A name that nobody lists may have been added since; but a client cannot make Sentinel ask all the time. */
const askAgainMs = 5_000;
const fetchMaxMs = 3_000;

/** What one provider says it has, asked for in the background and remembered. */
export class ModelList {
  readonly #fetchModels: FetchModels;
  readonly #clock: Clock;
  #models: ReadonlyMap<string, ListedModel> | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(fetchModels: FetchModels, clock: Clock) {
    this.#fetchModels = fetchModels;
    this.#clock = clock;
  }

  /** The last list that came; undefined if none ever did. */
  get models(): ReadonlyMap<string, ListedModel> | undefined {
    if (this.#clock.tickMs() - this.#askedAtMs > freshMs) void this.ask();
    return this.#models;
  }

  /** Asks anew, unless it was done just now. Never rejects: an old list is better than none. */
  ask(): Promise<void> {
    if (this.#asking !== undefined) return this.#asking;
    if (this.#clock.tickMs() - this.#askedAtMs < askAgainMs) return Promise.resolve();
    this.#askedAtMs = this.#clock.tickMs();
    this.#asking = this.#fetchModels(AbortSignal.timeout(fetchMaxMs))
      .then(
        (models) => {
          this.#models = new Map(models.map((model) => [model.id, model]));
        },
        () => undefined, // Not every server has a list; a name is then found in other ways.
      )
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }
}
