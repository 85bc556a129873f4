import type { AuditEntry } from "./audit/entry.ts";
import { capturePayload, keepsPayloads } from "./audit/payload-capture.ts";
import type { PromptHash } from "./audit/prompt-hash.ts";
import { writeEntry } from "./audit/write-entry.ts";
import { accountOf } from "./cost/account.ts";
import type { Account } from "./cost/account.ts";
import type { Exchange } from "./exchange.ts";
import type { AdmitDeps } from "./limits/admit.ts";
import type { ExchangeSink } from "./settle.ts";

export interface AccountantDeps extends AdmitDeps {
  readonly promptHash: PromptHash;
  /** The names of the parts that are down. */
  readonly degradedParts: () => readonly string[];
  /** Of a prompt, and of an answer, where the tenant has them kept. */
  readonly payloadBytesMax: number;
  /** Told of our own faults: what they keep from being accounted must not go unnoticed. */
  readonly onError: (error: unknown, exchange: Exchange) => void;
}

/**
 * Writes down what every exchange came to: works out its cost, journals its record and settles its limits. Before
 * the answer's last byte leaves, so that what a client has seen is accounted whatever happens next.
 */
export const createAccountant = (deps: AccountantDeps): ExchangeSink => ({
  record: (exchange) => {
    try {
      const account = (exchange.account ??= accountOf(exchange, deps.quoteOf));
      deps.journal.record(entryOf(exchange, account, deps), exchange.lease?.journalled);
    } catch (error) {
      // The client's answer does not depend on it. Its start is in the journal.
      deps.onError(error, exchange);
    }
    try {
      settleLimits(exchange, deps);
    } catch (error) {
      deps.onError(error, exchange);
    }
  },
});

function entryOf(exchange: Exchange, account: Account, deps: AccountantDeps): AuditEntry {
  const { caller } = exchange;
  const captured = keepsPayloads(caller)
    ? capturePayload(exchange, deps.payloadBytesMax)
    : undefined;
  if (captured !== undefined) deps.journal.payload(captured.record);
  return writeEntry(exchange, {
    account,
    degraded: deps.degradedParts(),
    promptHash: deps.promptHash(caller.tenantId, exchange.requestBytes),
    payload: captured?.entry ?? null,
  });
}

/** What was reserved is given back whatever went wrong before; where nothing is known of the use it counts as used. */
function settleLimits(exchange: Exchange, deps: AccountantDeps): void {
  const { account, lease, end } = exchange;
  const usage = account?.usage;
  if (usage?.source === "provider" && end?.outcome.kind === "ok") {
    deps.reservations.learn(exchange, usage);
  }
  if (lease === undefined) return;
  if (account === undefined) {
    deps.limits.settle(lease, lease.reserved);
    return;
  }
  const tokens = usage === undefined ? 0 : usage.inputTokens + usage.outputTokens;
  deps.limits.settle(lease, { tokens, nanoUsd: account.cost.nanoUsd });
}
