/** What an adapter sends with every request, whichever vendor it is. */
export interface HeaderRules {
  readonly keyHeader: "authorization" | "api-key" | "x-api-key" | "x-goog-api-key";
  /** Headers that the operator adds to every request, names in lower case. They take the place of Sentinel's own. */
  readonly set: Readonly<Record<string, string>>;
}

/** Names and values in turn, for every request to the vendor. */
export function upstreamHeaders(
  { keyHeader, set }: HeaderRules,
  accept: string,
  key: string | undefined,
): string[] {
  const headers = ["accept-encoding", "identity", "accept", accept];
  if (key !== undefined && set[keyHeader] === undefined) {
    headers.push(keyHeader, keyHeader === "authorization" ? `Bearer ${key}` : key);
  }
  if (set["user-agent"] === undefined) headers.push("user-agent", "sentinel");
  for (const name in set) headers.push(name, set[name] ?? "");
  return headers;
}

/** Adds those of the client's headers that may pass and that the operator does not set himself. */
export function addForwarded(
  headers: string[],
  forwarded: readonly string[],
  clientHeaders: Readonly<Record<string, string | readonly string[] | undefined>>,
  set: HeaderRules["set"],
): void {
  for (const name of forwarded) {
    const value = clientHeaders[name];
    if (typeof value === "string" && set[name] === undefined) headers.push(name, value);
  }
}

/** Whatever the operator lists: these are the client's own credentials and the connection's own matters. */
const neverForwarded = new Set([
  "authorization",
  "x-api-key",
  "api-key",
  "x-goog-api-key",
  "cookie",
  "host",
]);
const ownHeaders = new Set(["content-type", "content-length", "accept", "accept-encoding"]);
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "te",
  "upgrade",
  "trailer",
]);

/** The client's headers that an adapter passes on: those that its vendor has a use for, and the operator's list. */
export function forwardedHeaders(
  ofVendor: readonly string[],
  listed: readonly string[],
): readonly string[] {
  const asked = [...ofVendor, ...listed.map((name) => name.toLowerCase())];
  return [...new Set(asked)].filter(
    (name) => !neverForwarded.has(name) && !ownHeaders.has(name) && !hopByHop.has(name),
  );
}
