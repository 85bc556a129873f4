import type { ListedModel } from "./gateway-under-load.ts";

/** How the providers are called, or call themselves, that cost nothing. */
const freeOwner = /^(?:mock|demo)(?:-|$)/;
const aliasOwner = "sentinel";

/**
 * Why asking for these models could cost money; undefined if it cannot. A model that its owner calls a mock is free. Where
 * an alias leads is not told by `/v1/models`, so it is free only if everything that the gateway has is; one that lists nothing
 * but aliases may have a provider that lists no models.
 */
export function whyItMayCost(
  asked: readonly string[],
  listed: readonly ListedModel[],
): string | undefined {
  for (const name of asked) {
    const model = listed.find(({ id }) => id === name);
    if (model === undefined) {
      return `the gateway does not list the model ${name}, so nobody knows who would answer`;
    }
    if (freeOwner.test(model.owned_by)) continue;
    if (model.owned_by !== aliasOwner) {
      return `the model ${name} is served by ${model.owned_by}`;
    }
    const served = listed.filter(({ owned_by: owner }) => owner !== aliasOwner);
    if (served.length === 0) return `${name} is an alias, and nobody says where it leads`;
    const paid = served.find(({ owned_by: owner }) => !freeOwner.test(owner));
    if (paid !== undefined) {
      return `${name} is an alias, and may lead to ${paid.id} of ${paid.owned_by}`;
    }
  }
  return undefined;
}
