import type { Clock } from "../lib/clock.ts";
import {
  hashToken,
  isPresentable,
  mintAdminToken,
  mintKey,
  mintKeyId,
  parseKey,
} from "./api-key.ts";
import {
  createCredentials,
  credentialsPath,
  readCredentials,
  removeCredentials,
  writeCredentials,
} from "./credentials-file.ts";
import type { Credentials } from "./credentials-file.ts";
import { newKey } from "./new-key.ts";
import { refuse, whyRefused } from "./refusals.ts";
import { isSystemTenant, systemTenantIds } from "./system-tenant.ts";
import type { NewKey, TenantStore } from "./tenant-store.ts";
import { defaultTenantId } from "./tenant.ts";

export interface FirstRunDeps {
  readonly store: TenantStore;
  readonly clock: Pick<Clock, "epochMs">;
  readonly dataDir: string;
  readonly presetAdminToken?: string | undefined;
  readonly presetDefaultKey?: string | undefined;
}

export interface FirstRun {
  /** `undefined`: no platform admin token is valid; a note says how to set one. */
  readonly adminTokenHash: string | undefined;
  /** What this start made, to be shown once. */
  readonly minted: Credentials | undefined;
  /** Sentences for the operator. */
  readonly notes: readonly string[];
}

/**
 * Sees to it that there are a tenant, a key and a platform admin token: those that the environment presets,
 * and at the first start those that it does not, made here and kept in the data directory. Throws a plain
 * error with what to do.
 */
export async function firstRun(deps: FirstRunDeps): Promise<FirstRun> {
  checkPresets(deps);
  const kept = await readCredentials(deps.dataDir);
  // A worker may have been here before, and have made Sentinel's own.
  const tenants = await deps.store.listTenants({ limit: systemTenantIds.length + 1 });
  const isFirst = tenants.every(({ id }) => isSystemTenant(id));
  // The file comes first: a start that is cut off after it is finished by the next one, with the same keys.
  const minted = isFirst ? await mintWhatIsNotPreset(deps, kept) : undefined;

  const admin = await settleAdminToken(deps, { kept, minted });
  const key = await settleDefaultKey(deps, admin.isLost ? undefined : minted?.apiKey);
  if (minted !== undefined && (admin.isLost || key.isLost)) await forgetMinted(deps.dataDir, kept);
  return {
    adminTokenHash: admin.hash,
    minted: admin.isLost || key.isLost ? undefined : minted,
    notes: [...admin.notes, ...key.notes],
  };
}

/** What came of a credential. Lost: another process, which shares the store, was the first to make one. */
interface Settled {
  readonly notes: readonly string[];
  readonly isLost: boolean;
}

async function settleDefaultKey(
  deps: FirstRunDeps,
  mintedKey: string | undefined,
): Promise<Settled> {
  const { presetDefaultKey } = deps;
  if (presetDefaultKey !== undefined) {
    return { notes: await settleKey(deps, presetDefaultKey), isLost: false };
  }
  if (mintedKey === undefined) return { notes: [], isLost: false };
  const isLost =
    (await makeTenant(deps, mintedKey)) === "taken" && !(await isKnown(deps, mintedKey));
  return { notes: [], isLost };
}

const isKnown = async ({ store }: FirstRunDeps, token: string): Promise<boolean> =>
  (await store.findKey(hashToken(token))) !== undefined;

function checkPresets({ presetAdminToken, presetDefaultKey }: FirstRunDeps): void {
  const presets = {
    SENTINEL_ADMIN_TOKEN: presetAdminToken,
    SENTINEL_DEFAULT_KEY: presetDefaultKey,
  };
  for (const [variable, value] of Object.entries(presets)) {
    if (value === undefined || isPresentable(value)) continue;
    throw new Error(
      `${variable} cannot be sent as a key: use at most 256 printable ASCII characters and no spaces.`,
    );
  }
  if (presetAdminToken !== undefined && presetAdminToken === presetDefaultKey) {
    throw new Error(
      "SENTINEL_ADMIN_TOKEN and SENTINEL_DEFAULT_KEY are the same: every caller would be platform admin. " +
        "Use two different values.",
    );
  }
}

async function mintWhatIsNotPreset(
  { dataDir, presetAdminToken, presetDefaultKey }: FirstRunDeps,
  kept: Credentials | undefined,
): Promise<Credentials | undefined> {
  const minted: Credentials = {
    ...(presetAdminToken === undefined && { adminToken: kept?.adminToken ?? mintAdminToken() }),
    ...(presetDefaultKey === undefined && { apiKey: kept?.apiKey ?? mintKey().key }),
  };
  if (Object.keys(minted).length === 0) return undefined;
  if (kept === undefined) return createCredentials(dataDir, minted);
  await writeCredentials(dataDir, { ...kept, ...minted });
  return minted;
}

interface FileAndMinted {
  readonly kept: Credentials | undefined;
  readonly minted: Credentials | undefined;
}

async function settleAdminToken(
  { store, dataDir, presetAdminToken }: FirstRunDeps,
  { kept, minted }: FileAndMinted,
): Promise<Settled & { readonly hash: string | undefined }> {
  const stored = await store.getAdminTokenHash();
  if (presetAdminToken !== undefined) {
    const hash = hashToken(presetAdminToken);
    if (hash !== stored) await store.putAdminTokenHash(hash);
    return { hash, notes: [], isLost: false };
  }
  const token = minted?.adminToken ?? (stored === undefined ? kept?.adminToken : undefined);
  if (token !== undefined) {
    const hash = await store.claimAdminTokenHash(hashToken(token));
    return { hash, notes: [], isLost: hash !== hashToken(token) };
  }
  const notes = notesOnAdminToken({ stored, kept, path: credentialsPath(dataDir) });
  return { hash: stored, notes, isLost: false };
}

function notesOnAdminToken({
  stored,
  kept,
  path,
}: {
  readonly stored: string | undefined;
  readonly kept: Credentials | undefined;
  readonly path: string;
}): readonly string[] {
  const remedy = "To set another one, start with SENTINEL_ADMIN_TOKEN.";
  if (stored === undefined) return [`There is no platform admin token. ${remedy}`];
  if (kept?.adminToken === undefined) {
    return [`${path} does not hold the platform admin token, which is still valid. ${remedy}`];
  }
  if (hashToken(kept.adminToken) === stored) return [];
  return [`The admin token in ${path} is no longer valid: a later one replaced it. ${remedy}`];
}

/** Makes the preset `token` an admin key of the default tenant unless it is known. */
async function settleKey(deps: FirstRunDeps, token: string): Promise<readonly string[]> {
  const known = await deps.store.findKey(hashToken(token));
  if (known !== undefined) {
    const refusal = whyRefused(known, deps.clock.epochMs());
    return refusal === undefined
      ? []
      : [`SENTINEL_DEFAULT_KEY is refused: ${refuse(refusal).message}`];
  }
  // Another process that starts at the same time may have made the tenant, and the key as well.
  if ((await makeTenant(deps, token)) === "taken")
    await deps.store.createKey(firstKey(deps, token));
  return [];
}

/** The tenant and its key are made at once: a start that is cut off must not leave a tenant that nobody can use. */
function makeTenant(deps: FirstRunDeps, token: string): Promise<"created" | "taken"> {
  const createdAtMs = deps.clock.epochMs();
  const tenant = { id: defaultTenantId, name: "Default", policy: {}, createdAtMs } as const;
  return deps.store.createTenant({ ...tenant, status: "active" }, firstKey(deps, token));
}

function firstKey({ clock }: FirstRunDeps, token: string): NewKey {
  return newKey(token, {
    id: parseKey(token)?.id ?? mintKeyId(),
    tenantId: defaultTenantId,
    name: "First key",
    role: "admin",
    policy: {},
    expiresAtMs: null,
    createdBy: "platform",
    createdAtMs: clock.epochMs(),
  });
}

/** Nobody may find credentials in the file that never were valid. */
async function forgetMinted(dataDir: string, kept: Credentials | undefined): Promise<void> {
  if (kept === undefined) await removeCredentials(dataDir);
  else await writeCredentials(dataDir, kept);
}
