import { Hono } from "hono";
import type { Context } from "hono";
import { z } from "zod";

import { listOf, mustBe, strictFields } from "../../../config/field-types.ts";
import { normaliseProvider, providerInputSchema } from "../../../config/gateway-config.ts";
import type { ProviderConfig } from "../../../config/gateway-config.ts";
import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { ProviderStatus } from "../../../providers/provider-status.ts";
import type { SecretBox } from "../../../tenants/secret-box.ts";
import { maskKeys, sealSecrets, takeOutSecrets } from "../../../tenants/stored-providers.ts";
import type { ProviderFields } from "../../../tenants/stored-providers.ts";
import type { ProviderStore, StoredProvider } from "../../../tenants/tenant-store.ts";
import type { AdminChange, OnAdminChange } from "../../admin-change.ts";
import type { AppEnv } from "../../context.ts";
import type { Page } from "../../cursor-page.ts";
import { requirePlatform } from "../../middleware/require-admin.ts";
import { isPrivateHost } from "../../private-host.ts";
import { checkAdminJson, readAdminJson } from "../../read-admin-json.ts";
import { noSuch } from "./fields.ts";
import { presentFixed, presentStored } from "./present-provider.ts";
import type { ShownProvider } from "./present-provider.ts";
import { presentStatus } from "./present-status.ts";

export interface ProviderRoutesDeps {
  readonly store: ProviderStore;
  /** Those of the file or the environment, which only these can change. */
  readonly fixedProviders: () => readonly ProviderConfig[];
  /** Absent without SENTINEL_MASTER_KEY: no credentials are stored then. */
  readonly secretBox: SecretBox | undefined;
  readonly allowPrivateUpstreams: boolean;
  /** How it is doing; undefined for one that is not in use. */
  readonly statusOf: (name: string) => ProviderStatus | undefined;
  readonly clock: Pick<Clock, "epochMs">;
  /** The answer to a change waits for it. */
  readonly onProvidersChanged: () => Promise<void> | void;
  readonly onChange?: OnAdminChange;
}

/** `/admin/v1/providers`, for the platform admin. Credentials go in and never come out. */
export function providerRoutes(deps: ProviderRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.use(requirePlatform);
  routes.get("/", (c) => listProviders(c, deps));
  routes.post("/", (c) => createProvider(c, deps));
  routes.get("/:name", (c) => getProvider(c, deps));
  routes.patch("/:name", (c) => updateProvider(c, deps));
  routes.delete("/:name", (c) => deleteProvider(c, deps));
  routes.post("/:name/rotate", (c) => rotateKeys(c, deps));
  return routes;
}

type OneProvider = Context<AppEnv, "/:name">;

async function listProviders(c: Context<AppEnv>, deps: ProviderRoutesDeps): Promise<Response> {
  const fixed = deps.fixedProviders();
  const stored = (await deps.store.listProviders()).filter(
    // One that the configuration names as well is not in use.
    ({ name }) => findFixed(name, deps) === undefined,
  );
  const page: Page<ShownProvider> = {
    object: "list",
    data: [...fixed.map(presentFixed), ...stored.map(presentStored)].map((provider) =>
      withStatus(provider, deps),
    ),
    has_more: false,
    next_cursor: null,
  };
  return c.json(page);
}

async function getProvider(c: OneProvider, deps: ProviderRoutesDeps): Promise<Response> {
  const fixed = findFixed(c.req.param("name"), deps);
  const shown =
    fixed === undefined ? presentStored(await findStored(c, deps)) : presentFixed(fixed);
  return c.json(withStatus(shown, deps));
}

function withStatus(
  provider: ShownProvider,
  { statusOf, clock }: ProviderRoutesDeps,
): ShownProvider {
  return { ...provider, status: presentStatus(statusOf(provider.name), clock.epochMs()) };
}

async function createProvider(c: Context<AppEnv>, deps: ProviderRoutesDeps): Promise<Response> {
  const { name, ...fields } = await readAdminJson(c, providerInputSchema);
  checkBaseUrl(name, fields, deps);
  const isTaken = new Failure(
    "conflict",
    `There is a provider '${name}' already. Change that one, or choose another name.`,
    { param: "name" },
  );
  if (findFixed(name, deps) !== undefined) throw isTaken;

  const { settings, secrets } = takeOutSecrets(fields);
  const nowMs = deps.clock.epochMs();
  const provider: StoredProvider = {
    name,
    settings,
    sealed: secrets.size === 0 ? {} : sealSecrets(name, secrets, boxOf(deps)),
    maskedKeys: maskKeys(secrets.get("api_keys")),
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  if ((await deps.store.createProvider(provider)) === "taken") throw isTaken;
  await changed(deps, "provider.created", name);
  return c.json(presentStored(provider), 201);
}

const changeSchema = z
  .record(z.string(), z.unknown(), { error: mustBe("must be an object") })
  .refine((change) => Object.keys(change).length > 0, {
    error: mustBe("must hold what to change, for example models"),
  });

async function updateProvider(c: OneProvider, deps: ProviderRoutesDeps): Promise<Response> {
  const stored = await findStored(c, deps);
  const change = await readAdminJson(c, changeSchema);
  if ("name" in change) {
    const message = "A provider keeps its name. Create another one, then delete this one.";
    throw new Failure("invalid_value", message, { param: "name" });
  }
  const provider = await replace(stored, change, deps);
  await changed(deps, "provider.updated", provider.name);
  return c.json(presentStored(provider));
}

/** What a key looks like is checked with the rest of the provider. */
const rotateSchema = strictFields({ api_keys: listOf(z.string(), { min: 1, max: 100 }) });

async function rotateKeys(c: OneProvider, deps: ProviderRoutesDeps): Promise<Response> {
  const stored = await findStored(c, deps);
  const change = await readAdminJson(c, rotateSchema);
  const provider = await replace(stored, change, deps);
  await changed(deps, "provider.rotated", provider.name);
  return c.json(presentStored(provider));
}

async function deleteProvider(c: OneProvider, deps: ProviderRoutesDeps): Promise<Response> {
  const { name } = await findStored(c, deps);
  if (!(await deps.store.deleteProvider(name))) throw noSuch("provider");
  await changed(deps, "provider.deleted", name);
  return c.json({ name, object: "provider.deleted", deleted: true });
}

/** `change` has the fields to set, and `null` for those to take away; the others stay, sealed ones unopened. */
async function replace(
  stored: StoredProvider,
  change: ProviderFields,
  deps: ProviderRoutesDeps,
): Promise<StoredProvider> {
  const { name } = stored;
  const merged = Object.entries({ ...stored.settings, ...change });
  const asked = Object.fromEntries(merged.filter(([, value]) => value !== null));
  const { name: _name, ...fields } = checkAdminJson({ ...asked, name }, providerInputSchema);
  const { baseUrl } = checkBaseUrl(name, fields, deps);
  requireCredentialsForNewHost(stored, change, baseUrl);

  const { settings, secrets } = takeOutSecrets(fields);
  const kept = Object.entries(stored.sealed).filter(([field]) => !(field in change));
  const sealed = secrets.size === 0 ? {} : sealSecrets(name, secrets, boxOf(deps));
  const provider: StoredProvider = {
    name,
    settings,
    sealed: { ...Object.fromEntries(kept), ...sealed },
    maskedKeys: "api_keys" in change ? maskKeys(secrets.get("api_keys")) : stored.maskedKeys,
    createdAtMs: stored.createdAtMs,
    // Tells two changes apart, so it may not stand still.
    updatedAtMs: Math.max(deps.clock.epochMs(), stored.updatedAtMs + 1),
  };
  if ((await deps.store.replaceProvider(provider, stored)) === "replaced") return provider;
  throw new Failure(
    "conflict",
    "Someone else changed this provider just now. Look, and try again.",
  );
}

/** Whoever may change a provider must not be able to have its stored credentials sent somewhere else. */
function requireCredentialsForNewHost(
  stored: StoredProvider,
  change: ProviderFields,
  baseUrl: string,
): void {
  const before = presentStored(stored).base_url;
  if (originOf(before) === originOf(baseUrl)) return;
  const missing = Object.keys(stored.sealed).find((field) => !(field in change));
  if (missing === undefined) return;
  const message = `The provider moves to another host: send its ${missing} again, or null for none.`;
  throw new Failure("invalid_value", message, { param: missing });
}

function originOf(baseUrl: string): string | undefined {
  return URL.parse(baseUrl)?.origin;
}

/** Throws `invalid_value` for a base URL in a private network. */
function checkBaseUrl(
  name: string,
  fields: Parameters<typeof normaliseProvider>[1],
  { allowPrivateUpstreams }: ProviderRoutesDeps,
): ProviderConfig {
  const provider = normaliseProvider(name, fields, "admin");
  const url = URL.parse(provider.baseUrl);
  if (allowPrivateUpstreams || url === null || !isPrivateHost(url.hostname)) return provider;
  const message =
    "base_url is on this machine or in a private network. " +
    "Start Sentinel with SENTINEL_ALLOW_PRIVATE_UPSTREAMS=true if that is meant, or put the provider into sentinel.yaml.";
  throw new Failure("invalid_value", message, { param: "base_url" });
}

function boxOf({ secretBox }: ProviderRoutesDeps): SecretBox {
  if (secretBox !== undefined) return secretBox;
  const message =
    "Credentials (api_keys, headers) are stored only encrypted. Start Sentinel with SENTINEL_MASTER_KEY " +
    "(at least 32 characters), or put the provider into sentinel.yaml.";
  throw new Failure("conflict", message, { param: "api_keys", code: "master_key_missing" });
}

function findFixed(name: string, deps: ProviderRoutesDeps): ProviderConfig | undefined {
  return deps.fixedProviders().find((provider) => provider.name === name);
}

/** Throws `not_found`, and `conflict` for a provider that was not made here. */
async function findStored(c: OneProvider, deps: ProviderRoutesDeps): Promise<StoredProvider> {
  const name = c.req.param("name");
  const fixed = findFixed(name, deps);
  if (fixed !== undefined) {
    const place = fixed.source === "file" ? "the configuration file" : "the environment";
    throw new Failure("conflict", `The provider '${name}' comes from ${place}. Change it there.`);
  }
  const stored = await deps.store.getProvider(name);
  if (stored === undefined) throw noSuch("provider");
  return stored;
}

async function changed(
  deps: ProviderRoutesDeps,
  action: AdminChange["action"],
  name: string,
): Promise<void> {
  await deps.onProvidersChanged();
  deps.onChange?.({ action, by: "platform", subject: name });
}
