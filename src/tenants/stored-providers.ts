import { normaliseProvider, providerInputSchema } from "../config/gateway-config.ts";
import type { ProviderConfig } from "../config/gateway-config.ts";
import { maskSecret } from "./api-key.ts";
import type { SecretBox } from "./secret-box.ts";
import type { ProviderStore, StoredProvider } from "./tenant-store.ts";

/** The fields of a provider that are secret: headers too, as many a proxy takes its key in one. */
export const secretFields = ["api_keys", "headers"] as const;
export type SecretField = (typeof secretFields)[number];

/** A provider's fields as `sentinel.yaml` writes them. */
export type ProviderFields = Readonly<Record<string, unknown>>;

/** What remains of the fields when those that are secret are taken out, and these. */
export function takeOutSecrets(fields: ProviderFields): {
  readonly settings: ProviderFields;
  readonly secrets: ReadonlyMap<SecretField, unknown>;
} {
  const settings: Record<string, unknown> = { ...fields };
  const secrets = new Map<SecretField, unknown>();
  for (const field of secretFields) {
    if (settings[field] !== undefined && !isEmpty(settings[field])) {
      secrets.set(field, settings[field]);
    }
    Reflect.deleteProperty(settings, field);
  }
  return { settings, secrets };
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** Each secret field sealed by itself, so that one can be replaced without opening the other. */
export function sealSecrets(
  name: string,
  secrets: ReadonlyMap<SecretField, unknown>,
  box: SecretBox,
): Readonly<Record<string, string>> {
  const sealed: Record<string, string> = {};
  for (const [field, value] of secrets) {
    sealed[field] = box.seal(ownerOf(name, field), JSON.stringify(value));
  }
  return sealed;
}

/** What may be shown of API keys. */
export function maskKeys(apiKeys: unknown): readonly string[] {
  return Array.isArray(apiKeys) ? apiKeys.map((key) => maskSecret(String(key))) : [];
}

export interface LoadedProviders {
  readonly providers: readonly ProviderConfig[];
  /** One sentence for each provider that cannot be used. */
  readonly problems: readonly string[];
}

/** The stored providers, ready to be called. One that cannot be opened does not keep the others from it. */
export async function loadStoredProviders(deps: {
  readonly store: Pick<ProviderStore, "listProviders">;
  /** Absent without SENTINEL_MASTER_KEY. */
  readonly secretBox: SecretBox | undefined;
}): Promise<LoadedProviders> {
  const providers: ProviderConfig[] = [];
  const problems: string[] = [];
  for (const stored of await deps.store.listProviders()) {
    try {
      providers.push(openProvider(stored, deps.secretBox));
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { providers, problems };
}

function openProvider(stored: StoredProvider, box: SecretBox | undefined): ProviderConfig {
  const fields: Record<string, unknown> = { ...stored.settings };
  for (const [field, sealed] of Object.entries(stored.sealed)) {
    if (box === undefined) {
      throw new Error(
        `The provider '${stored.name}' has stored credentials, which only SENTINEL_MASTER_KEY opens. Set it.`,
      );
    }
    fields[field] = JSON.parse(box.open(ownerOf(stored.name, field), sealed));
  }
  return parseProvider(stored.name, fields);
}

/** A stored provider without its credentials, to be shown. Throws if this version cannot read it. */
export function withoutCredentials(stored: StoredProvider): ProviderConfig {
  return parseProvider(stored.name, stored.settings);
}

function parseProvider(name: string, fields: ProviderFields): ProviderConfig {
  const parsed = providerInputSchema.safeParse({ ...fields, name });
  if (parsed.success) return normaliseProvider(name, parsed.data, "admin");
  throw new Error(`This version cannot read the stored provider '${name}'. Create it again.`);
}

function ownerOf(name: string, field: string): string {
  return `${name}/${field}`;
}
