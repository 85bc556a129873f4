import { expect, test } from "vitest";

import { defaultDeadlines } from "../../../src/providers/deadlines.ts";
import { KeyRing } from "../../../src/providers/key-ring.ts";
import { ModelList } from "../../../src/providers/model-lists.ts";
import { ModelRoutes } from "../../../src/providers/model-routes.ts";
import type { ProviderEntry } from "../../../src/providers/model-routes.ts";
import { defaultBreakerRules } from "../../../src/providers/policies/breaker.ts";
import { newConversationHomes } from "../../../src/providers/routing/conversation-homes.ts";
import { ProviderHealth } from "../../../src/providers/target-health.ts";
import { manualClock } from "../../support/manual-clock.ts";
import type { ManualClock } from "../../support/manual-clock.ts";

/** A provider whose list of models can be changed, or withheld by leaving it undefined. */
class Shelf {
  models: readonly string[] | undefined;
  readonly entry: ProviderEntry;

  constructor(name: string, clock: ManualClock) {
    const fetchModels = (): Promise<{ id: string; created: number }[]> =>
      this.models === undefined
        ? Promise.reject(new Error("no list"))
        : Promise.resolve(this.models.map((id) => ({ id, created: 1 })));
    this.entry = {
      name,
      keys: new KeyRing([], clock),
      adapter: { send: () => Promise.reject(new Error("not asked here")) },
      list: new ModelList(fetchModels, clock),
      models: undefined,
      modelPrefixes: [],
      deadlines: defaultDeadlines,
      health: new ProviderHealth(defaultBreakerRules, clock),
    };
  }
}

interface Shelves {
  readonly clock: ManualClock;
  readonly cloud: Shelf;
  readonly local: Shelf;
  readonly routes: ModelRoutes;
}

function twoShelves(defaultProviderName: string | undefined): Shelves {
  const clock = manualClock();
  const [cloud, local] = [new Shelf("cloud", clock), new Shelf("local", clock)];
  const routes = new ModelRoutes({
    providers: [cloud.entry, local.entry],
    aliases: [],
    defaultProviderName,
    defaultRetries: 0,
    namesModels: false,
    clock,
    homes: newConversationHomes(),
    random: Math.random,
  });
  return { clock, cloud, local, routes };
}

async function providerOf({ routes }: Shelves, model: string): Promise<string | undefined> {
  return (await routes.find(model)).targets[0]?.providerName;
}

/** Lets the promises that are ready run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a model that the default provider took is found where it is, once its provider tells", async () => {
  const shelves = twoShelves("cloud");
  const { clock, cloud, local, routes } = shelves;
  cloud.models = ["gpt"];
  expect(await providerOf(shelves, "llama")).toBe("cloud");

  local.models = ["llama"];
  clock.advance(60_000);
  expect(await providerOf(shelves, "llama")).toBe("cloud"); // Nobody waits for the lists.
  await settled();
  expect(await providerOf(shelves, "llama")).toBe("local");
  const route = routes.find("llama");
  clock.advance(60_000);
  expect(routes.find("llama")).toBe(route);
});

test("a guess that holds keeps its target, and so what its breaker has seen", async () => {
  const { clock, routes } = twoShelves("cloud");
  const before = await routes.find("llama");
  clock.advance(60_000);
  expect(routes.find("llama")).toBe(before);
  await settled();
  expect(routes.find("llama")).toBe(before);
});

test("a model that nobody lists is unknown if no provider is the default", async () => {
  const { local, routes } = twoShelves(undefined);
  local.models = ["llama"];
  await expect(routes.find("mistral")).rejects.toMatchObject({ kind: "model_not_found" });
});

test("a model that has just been added is found as soon as the list may be asked for again", async () => {
  const shelves = twoShelves(undefined);
  shelves.local.models = ["llama"];
  await expect(shelves.routes.find("qwen")).rejects.toThrow("does not exist");
  shelves.local.models = ["llama", "qwen"];
  shelves.clock.advance(5_000);
  expect(await providerOf(shelves, "qwen")).toBe("local");
});
