import { mustBe, text } from "./field-types.ts";

/** A header that an operator may set on requests to a provider. */
export const settableHeader = () =>
  text({ pattern: headerToken, rule: `must be ${settableRule}` }).refine(
    (name) => !isOurs(name.toLowerCase()),
    { error: mustBe(`must be ${settableRule}`) },
  );

export const settableRule =
  "the name of a header that is not Sentinel's own to set, as content-type and connection are";

/** A header of the client that may be passed on: never its credentials, nor those about its connection. */
export const forwardableHeader = () =>
  text({ pattern: headerToken, rule: forwardableRule }).refine(
    (name) => !isOurs(name.toLowerCase()) && !isForUs(name.toLowerCase()),
    { error: mustBe(forwardableRule) },
  );

const forwardableRule =
  "must be the name of a header that holds no credentials, is not about the connection and not Sentinel's own";

/** What a client tells Sentinel and nobody else. */
const isForUs = (name: string) => clientSecrets.has(name) || name.startsWith("x-sentinel-");

export const headerValue = () =>
  text({
    pattern: /^[\t\x20-\x7e\x80-\xff]{0,8192}$/,
    rule: "must be text on one line, in quotes if it is a number",
  });

/** A token of RFC 9110, section 5.6.2. */
const headerToken = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

const isOurs = (name: string) =>
  written.has(name) || hopByHop.has(name) || name.startsWith("proxy-");

const written: ReadonlySet<string> = new Set([
  "host",
  "content-type",
  "content-length",
  "accept",
  "accept-encoding",
]);

/** RFC 9110, section 7.6.1, and `expect`, which undici refuses. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const clientSecrets: ReadonlySet<string> = new Set([
  "authorization",
  "api-key",
  "x-api-key",
  "x-goog-api-key",
  "cookie",
]);
