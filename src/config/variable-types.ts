import { isIP } from "node:net";
import { z } from "zod";

import { nanoUsdFrom } from "../lib/usd.ts";

/** What an environment variable may hold. Each message is the rest of a sentence that begins with the name. */
export function wholeNumber({ min, max }: { min: number; max: number }) {
  const isWithin = (text: string) =>
    /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max;
  return z
    .string()
    .refine(isWithin, `must be a whole number from ${min} to ${max}`)
    .transform(Number);
}

export const flag = () =>
  z
    .string()
    .refine((text) => flagWords.has(text.toLowerCase()), "must be true or false")
    .transform((text) => flagWords.get(text.toLowerCase()) === true);

const flagWords: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["0", false],
  ["no", false],
  ["off", false],
]);

export const hostName = () =>
  z
    .string()
    .refine(
      (text) => isIP(text) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9._-]{0,252})$/.test(text),
      "must be one host name or IP address, without a scheme and without a port",
    );

export const filePath = () =>
  z.string().refine((text) => !text.includes("\0"), "must be a path in the file system");

/** Goes into an `Authorization` header, so it is made of what a header can carry. */
export const bearerSecret = () =>
  z
    .string()
    .regex(/^[\x21-\x7e]{16,256}$/, "must be 16 to 256 visible ASCII characters, without spaces");

export const longSecret = ({ lengthMin }: { lengthMin: number }) =>
  z.string().refine((text) => text.length >= lengthMin, `must be at least ${lengthMin} characters`);

export const httpUrl = () =>
  z
    .string()
    .refine(
      (text) => /^https?:\/\/[^/]/i.test(text) && URL.canParse(text),
      "must be an http or https URL",
    );

/** Where embeddings come from. */
export const embedder = () =>
  z
    .string()
    .transform((text) => text.replace(/\/+$/, ""))
    .refine(
      (text) => embedderWords.has(text) || (/^https?:\/\/[^/]/i.test(text) && URL.canParse(text)),
      'must be "off", "local", or the base URL of an OpenAI-compatible API',
    );

const embedderWords: ReadonlySet<string> = new Set(["off", "local"]);

export const modelName = () =>
  z.string().regex(/^[^\s]{1,256}$/, "must be a model's name, without spaces");

/** US dollars, kept as they are written: money is no floating-point number. */
export const usdAmount = () =>
  z
    .string()
    .refine(
      (text) => nanoUsdFrom(text) !== undefined,
      "must be an amount in US dollars, as 50 or 0.5",
    );

/** One address of Redis, or several with commas between them. */
export const redisUrls = () =>
  z
    .string()
    .transform((text) => listed(text))
    .refine(
      (list) => list.length > 0 && list.every(isRedisUrl),
      "must be a redis:// or rediss:// URL, or several with commas between them for a cluster",
    );

const isRedisUrl = (text: string) => /^rediss?:\/\/[^/]/.test(text) && URL.canParse(text);

/** `*`, `none`, or origins with commas between them, written as browsers write them. */
export const origins = () =>
  z
    .string()
    .transform((text) => listed(text))
    .refine(
      (list) => list.length === 1 || !(list.includes("*") || list.includes("none")),
      'must be "*" or "none" alone, or a list of origins',
    )
    .refine(
      (list) => list.every((origin) => ["*", "none"].includes(origin) || isOrigin(origin)),
      "must be origins with commas between them: a scheme and a host, no path and no wildcard",
    )
    .transform((list): readonly string[] => (list.includes("none") ? [] : list.map(asBrowsersDo)));

function listed(text: string): readonly string[] {
  const entries = text.split(",").map((entry) => entry.trim());
  return [...new Set(entries.filter((entry) => entry !== ""))];
}

/** Also `tauri://localhost` and the like, whose origins the URL standard does not spell out. */
const isOrigin = (text: string) =>
  /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s/?#@*\\]+\/?$/.test(text) && URL.canParse(text);

/** Lower case, without a final slash and without the scheme's own port. */
function asBrowsersDo(text: string): string {
  if (text === "*") return text;
  const { origin } = new URL(text);
  return origin === "null" ? text.toLowerCase().replace(/\/$/, "") : origin;
}
