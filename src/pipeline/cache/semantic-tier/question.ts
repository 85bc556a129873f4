import type { SemanticRules } from "../../../tenants/cache-policy.ts";
import { prepare, type Prepared } from "../guards/prepare.ts";
import { shardKey, type KeyParts } from "../key.ts";
import { normalForm } from "../normal-form.ts";
import type { ShardPlace } from "../semantic-index.ts";
import type { Decision } from "../semantic-policy.ts";
import type { SemanticAsked } from "../semantic-tier.ts";
import type { PolicyOwner } from "./policies.ts";

/** Forty words of prose are shorter, and a form is looked for before the answer: a longer text has none. */
const formLengthMax = 1_000;

/**
 * What one request asks, and all that was found out about it on its way: whatever the look-up has worked out, learning
 * does not work out again. What costs more than a field is made when it is first wanted.
 */
export class Question {
  /** Of the request (ULID). */
  readonly id: string;
  readonly rules: SemanticRules;
  readonly owner: PolicyOwner;
  /** What the user wrote last. */
  readonly text: string;
  vector: Float32Array | undefined;
  /** Made once for a request: it counts as traffic. */
  decision: Decision | undefined;
  /** Of the candidate that was decided about while the request waited. */
  similarity: number | undefined;
  readonly #key: KeyParts;
  #place: ShardPlace | undefined;
  #form: { readonly text: string | undefined } | undefined;
  #prepared: Prepared | undefined;

  constructor({ id, rules, key }: SemanticAsked, asked: { text: string; scope: string }) {
    this.id = id;
    this.rules = rules;
    const { maxError, guardsOff } = rules;
    this.owner = { tenantId: key.tenantId, maxError, guardsOff };
    this.text = asked.text;
    this.#key = { ...key, request: { text: asked.scope } };
  }

  get tenantId(): string {
    return this.owner.tenantId;
  }

  /** Undefined for a request that has no key. */
  get place(): ShardPlace | undefined {
    if (this.#place !== undefined) return this.#place;
    const shard = shardKey(this.#key);
    if (shard === undefined) return undefined;
    return (this.#place = { tenantId: this.tenantId, shard });
  }

  get normalForm(): string | undefined {
    this.#form ??= { text: this.text.length > formLengthMax ? undefined : normalForm(this.text) };
    return this.#form.text;
  }

  /** As the guards read it. */
  get prepared(): Prepared {
    return (this.#prepared ??= prepare(this.text));
  }

  /** About what it keeps in memory. */
  get bytes(): number {
    return (this.text.length + this.#key.request.text.length) * 2;
  }
}
