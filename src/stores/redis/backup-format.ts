import { z } from "zod";

/**
 * A backup of Redis: JSON lines, one for each key, between a first line that says what it is and a last one that says
 * how many there were, so that one that was cut short is known.
 */
export const headerSchema = z.object({
  format: z.literal("sentinel-redis-backup"),
  version: z.literal(1),
  made_at: z.string(),
});

const pairs = z.array(z.tuple([z.string(), z.string()]));

export const keySchema = z.discriminatedUnion("type", [
  z.object({ key: z.string(), type: z.literal("string"), value: z.string(), ...expiry() }),
  z.object({ key: z.string(), type: z.literal("hash"), value: pairs, ...expiry() }),
  /** Members and scores. */
  z.object({ key: z.string(), type: z.literal("zset"), value: pairs, ...expiry() }),
  z.object({ key: z.string(), type: z.literal("set"), value: z.array(z.string()), ...expiry() }),
  /** Ids of records that are counted in the sums: the records themselves are in the audit files. */
  z.object({
    key: z.string(),
    type: z.literal("counted"),
    value: z.array(z.string()),
    ...expiry(),
  }),
]);

export const trailerSchema = z.object({ keys: z.number().int().nonnegative() });

export type BackupHeader = z.infer<typeof headerSchema>;
export type BackupKey = z.infer<typeof keySchema>;

function expiry() {
  return { expires_at_ms: z.number().int().positive().exactOptional() };
}

/** Keys of a tenant's books; the rest of a tenant's keys lives for a minute. */
export const bookKeyPattern = /^\{([A-Za-z0-9_-]{1,64})\}:(b|u|ut|uj):([\w:]+)$/;

/** Tenants, keys, providers, prices, alerts, judges (a tenant may be called `sentinel`, too); and who owns stored responses. */
export const controlKeyPattern =
  /^(?:\{sentinel\}:(?:t|td|ta|k|kh|ks|kt|kd|ka(?::.*)?|p|price|alert(?::\w+)?|judge:\w+|admin)$|\{ro:[^}]{1,8}\}:)/;
