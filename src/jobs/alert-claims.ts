/**
 * Which alerts were sent, or are about to be. Whoever claims one sends it, so that it is sent once however many
 * replicas see the same numbers; a claim whose sender died is taken over, so that it is sent at least once.
 */
export interface AlertClaims {
  /** True for each alert that nobody had claimed, in their order. Rejects with `store_unavailable`. */
  claim(alerts: readonly Alert[], until: ClaimTerm): Promise<readonly boolean[]>;
  /** There is no more to do: it was delivered, or never will be. Forgotten claims are no error. */
  finish(id: string): Promise<void>;
  /** Takes over up to `limit` unfinished claims whose term is over and that are not too old, for another term. */
  takeOver(
    until: ClaimTerm & { readonly madeSinceMs: number },
    limit: number,
  ): Promise<readonly Alert[]>;
  /** Forgets up to `limit` claims of periods that are long over, and says how many it was. */
  forgetExpired(nowMs: number, limit: number): Promise<number>;
}

/** Milliseconds since 1970. */
export interface ClaimTerm {
  readonly nowMs: number;
  /** From then on others may take it over. */
  readonly untilMs: number;
}

export interface Alert {
  /** Of the tenant, the key, the period, the budget and the threshold: the same on every replica. */
  readonly id: string;
  readonly tenantId: string;
  /** What is posted: JSON. Never the address, which is a secret. */
  readonly body: string;
  /** From then on nobody could raise it again; undefined: it must be remembered for ever. */
  readonly expiresAtMs: number | undefined;
}
