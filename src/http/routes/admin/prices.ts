import { Hono } from "hono";
import type { Context } from "hono";

import { providerNamePattern } from "../../../config/gateway-config.ts";
import { pricedModelPattern, pricedModelRule, priceSchema } from "../../../config/price-config.ts";
import type { ConfiguredPrice } from "../../../config/price-config.ts";
import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { PriceName, PriceStore } from "../../../tenants/price-store.ts";
import type { AdminChange, OnAdminChange } from "../../admin-change.ts";
import type { AppEnv } from "../../context.ts";
import type { Page } from "../../cursor-page.ts";
import { requirePlatform } from "../../middleware/require-admin.ts";
import { readAdminJson } from "../../read-admin-json.ts";
import { noSuch } from "./fields.ts";
import { presentFixedPrice, presentStoredPrice } from "./present-price.ts";
import type { ShownPrice } from "./present-price.ts";

export interface PriceRoutesDeps {
  readonly store: PriceStore;
  /** Those of the configuration file, which only it can change. */
  readonly fixedPrices: () => readonly ConfiguredPrice[];
  readonly clock: Pick<Clock, "epochMs">;
  /** The answer to a change waits for it. */
  readonly onPricesChanged: () => Promise<void> | void;
  readonly onChange?: OnAdminChange;
}

/** Each is held in memory, and gone through for each model that is priced. */
export const pricesMax = 5_000;

/** `/admin/v1/prices`, for the platform admin: what models cost where that is not the list price. */
export function priceRoutes(deps: PriceRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.use(requirePlatform);
  routes.get("/", (c) => listPrices(c, deps));
  // A model's name may have slashes.
  routes.get("/:provider/:model{.+}", (c) => getPrice(c, deps));
  routes.put("/:provider/:model{.+}", (c) => putPrice(c, deps));
  routes.delete("/:provider/:model{.+}", (c) => deletePrice(c, deps));
  return routes;
}

type OnePrice = Context<AppEnv, "/:provider/:model{.+}">;

async function listPrices(c: Context<AppEnv>, deps: PriceRoutesDeps): Promise<Response> {
  const fixed = deps.fixedPrices();
  const stored = (await deps.store.listPrices()).filter(
    // One that the configuration has as well is not in use.
    (name) => findFixed(name, deps) === undefined,
  );
  const page: Page<ShownPrice> = {
    object: "list",
    data: [...fixed.map(presentFixedPrice), ...stored.map(presentStoredPrice)],
    has_more: false,
    next_cursor: null,
  };
  return c.json(page);
}

async function getPrice(c: OnePrice, deps: PriceRoutesDeps): Promise<Response> {
  const name = nameOf(c);
  const fixed = findFixed(name, deps);
  if (fixed !== undefined) return c.json(presentFixedPrice(fixed));
  const stored = await deps.store.getPrice(name);
  if (stored === undefined) throw noSuch("price");
  return c.json(presentStoredPrice(stored));
}

async function putPrice(c: OnePrice, deps: PriceRoutesDeps): Promise<Response> {
  const name = nameOf(c);
  checkName(name);
  requireOwn(name, deps);
  const settings = await readAdminJson(c, priceSchema);
  const nowMs = deps.clock.epochMs();
  const price = { ...name, settings, createdAtMs: nowMs, updatedAtMs: nowMs };
  const outcome = await deps.store.putPrice(price, { pricesMax });
  if (outcome === "full") {
    const message = `There are ${pricesMax} prices already. Delete some, or price several models at once, as gpt-*.`;
    throw new Failure("conflict", message);
  }
  await changed(deps, "price.set", name);
  const stored = await deps.store.getPrice(name);
  return c.json(presentStoredPrice(stored ?? price), outcome === "created" ? 201 : 200);
}

async function deletePrice(c: OnePrice, deps: PriceRoutesDeps): Promise<Response> {
  const name = nameOf(c);
  requireOwn(name, deps);
  if (!(await deps.store.deletePrice(name))) throw noSuch("price");
  await changed(deps, "price.deleted", name);
  return c.json({ ...name, object: "price.deleted", deleted: true });
}

function nameOf(c: OnePrice): PriceName {
  return { provider: c.req.param("provider"), model: c.req.param("model") };
}

/** Throws `invalid_value`. The provider need not be there yet: its price may well be set before its first request. */
function checkName({ provider, model }: PriceName): void {
  if (!providerNamePattern.test(provider)) {
    throw new Failure("invalid_value", "The path must name a provider after /admin/v1/prices/.", {
      param: "provider",
    });
  }
  if (!pricedModelPattern.test(model)) {
    const message = `The path must end in ${pricedModelRule}.`;
    throw new Failure("invalid_value", message, { param: "model" });
  }
}

function findFixed(name: PriceName, deps: PriceRoutesDeps): ConfiguredPrice | undefined {
  return deps
    .fixedPrices()
    .find(({ provider, model }) => provider === name.provider && model === name.model);
}

/** Throws `conflict` for a price that was not made here. */
function requireOwn(name: PriceName, deps: PriceRoutesDeps): void {
  if (findFixed(name, deps) === undefined) return;
  const message = `The price of ${name.provider}/${name.model} comes from the configuration file. Change it there.`;
  throw new Failure("conflict", message);
}

async function changed(
  deps: PriceRoutesDeps,
  action: AdminChange["action"],
  { provider, model }: PriceName,
): Promise<void> {
  await deps.onPricesChanged();
  deps.onChange?.({ action, by: "platform", subject: `${provider}/${model}` });
}
