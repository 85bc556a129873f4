import { hash } from "node:crypto";

import type { JsonObject } from "../lib/json-text.ts";

/**
 * What ties the requests of one conversation together, so that they go where the provider's prompt cache has
 * its beginning. Worked out only when somebody asks: most routes have one target with one key.
 */
export class Conversation {
  readonly #tenantId: string;
  readonly #model: string;
  readonly #request: JsonObject;
  #hash: string | undefined;

  constructor(tenantId: string, model: string, request: JsonObject) {
    this.#tenantId = tenantId;
    this.#model = model;
    this.#request = request;
  }

  /** Hexadecimal; the same from turn to turn, and another for every tenant. */
  get hash(): string {
    this.#hash ??= hash("sha256", JSON.stringify([this.#tenantId, this.#model, this.#request]));
    return this.#hash;
  }
}
