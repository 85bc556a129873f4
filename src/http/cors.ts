import type { IncomingMessage } from "node:http";

/** Which pages may call from a browser: their origins, or `*`. Keys travel in headers, never in cookies. */
export class Cors {
  readonly #origins: ReadonlySet<string>;

  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** For an answer: names and values in turn; nothing for a caller that is no page, or is not allowed. */
  headersFor(incoming: IncomingMessage): readonly string[] {
    const { origin } = incoming.headers;
    if (origin === undefined || !this.#allows(origin)) return none;
    return [
      "access-control-allow-origin",
      this.#origins.has("*") ? "*" : origin,
      "access-control-expose-headers",
      "*",
      "vary",
      "Origin",
    ];
  }

  /** For a preflight, which comes without a key and is answered without one. */
  preflightHeaders(incoming: IncomingMessage): readonly string[] {
    const allowed = this.headersFor(incoming);
    if (allowed.length === 0) return none;
    const asked = incoming.headers["access-control-request-headers"];
    return [
      ...allowed,
      "access-control-allow-methods",
      "GET, POST, PATCH, DELETE, OPTIONS",
      "access-control-allow-headers",
      asked ?? "*",
      "access-control-max-age",
      "86400",
    ];
  }

  #allows(origin: string): boolean {
    return this.#origins.has("*") || this.#origins.has(origin);
  }
}

const none: readonly string[] = [];
