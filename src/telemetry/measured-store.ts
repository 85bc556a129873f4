import type { HistogramCell } from "./metrics/cells.ts";
import type { Metrics } from "./metrics.ts";

export type StoreMetrics = Pick<Metrics, "storeDuration" | "storeErrors">;

/**
 * A store as it is, with the time and the failures of each of its operations in the metrics, `op` being the method's
 * name. What it answers at once, without a promise, comes from memory and is not measured. Costs about a microsecond
 * for each call.
 */
export function measured<Store extends object>(
  store: Store,
  name: string,
  metrics: StoreMetrics,
): Store {
  const wrapped = {};
  for (const key of keysOf(store)) {
    Object.defineProperty(wrapped, key, memberOf(store, key, name, metrics));
  }
  return wrapped as Store;
}

/** Getters and fields are read from the store itself, each time: what they say may change. */
function memberOf(
  store: object,
  key: string | symbol,
  name: string,
  metrics: StoreMetrics,
): PropertyDescriptor {
  if (isGetter(store, key)) return { get: () => Reflect.get(store, key) as unknown };
  const value: unknown = Reflect.get(store, key);
  if (typeof value !== "function") return { get: () => Reflect.get(store, key) as unknown };
  const method = value as (...given: unknown[]) => unknown;
  if (typeof key === "symbol") return { value: method.bind(store) };
  return { value: timed(method.bind(store), { name, operation: key }, metrics), enumerable: true };
}

function timed(
  method: (...given: unknown[]) => unknown,
  { name, operation }: { readonly name: string; readonly operation: string },
  { storeDuration, storeErrors }: StoreMetrics,
): (...given: unknown[]) => unknown {
  const errors = storeErrors.with(name, operation);
  // Most methods of most stores are never called; a histogram is fifteen lines of a scrape.
  let duration: HistogramCell | undefined;
  return (...given) => {
    const begunTickMs = performance.now();
    const result = method(...given);
    if (!(result instanceof Promise)) return result;
    const note = (): void => {
      duration ??= storeDuration.with(name, operation);
      duration.observe((performance.now() - begunTickMs) / 1_000);
    };
    result.then(note, () => {
      note();
      errors.inc();
    });
    return result as unknown;
  };
}

/** Its own and those of its class. */
function keysOf(store: object): ReadonlySet<string | symbol> {
  const keys = new Set<string | symbol>();
  for (const owner of chainOf(store)) for (const key of Reflect.ownKeys(owner)) keys.add(key);
  keys.delete("constructor");
  return keys;
}

function isGetter(store: object, key: string | symbol): boolean {
  for (const owner of chainOf(store)) {
    const found = Object.getOwnPropertyDescriptor(owner, key);
    if (found !== undefined) return found.get !== undefined;
  }
  return false;
}

function* chainOf(store: object): Iterable<object> {
  let owner: object | null = store;
  while (owner !== null && owner !== Object.prototype) {
    yield owner;
    owner = Object.getPrototypeOf(owner) as object | null;
  }
}
