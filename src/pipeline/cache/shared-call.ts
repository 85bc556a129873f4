import { Failure } from "../../errors.ts";
import { isFilledList } from "../../lib/json-text.ts";
import { wantsUsage } from "../../protocol/stream-options.ts";
import type { EventBatch, ProviderReply } from "../../providers/provider.ts";
import type { Caller } from "../../tenants/tenant.ts";
import type { Exchange } from "../exchange.ts";
import type { IncomingCall } from "../incoming-call.ts";
import { isStored } from "../response-binding.ts";
import { personalFields } from "./key.ts";
import type { CacheableCall } from "./lookup.ts";
import { eventWeight } from "./recording.ts";
import { SingleFlight } from "./single-flight.ts";

/** What a call to a provider comes to before its first event. */
export interface FlightHead {
  /** Whose call it is, and who pays for it. */
  readonly exchange: Exchange;
  readonly reply: ProviderReply;
}

/** Identical requests that run at the same time and make one call to a provider. */
export type SharedCalls = SingleFlight<FlightHead, EventBatch>;

export const openSharedCalls = (): SharedCalls =>
  new SingleFlight({ sizeOf: weightOf, isEveryones });

/**
 * What identical requests have in common, the way in which they want to be answered included. Undefined for one that makes
 * a call of its own: it wants none that others began, has a deadline of its own, has tools (a call of one is for somebody to
 * make, once), or names a response that a provider keeps.
 */
export function sharingKey(
  { verdict, key }: CacheableCall,
  call: IncomingCall,
): string | undefined {
  if (!verdict.reads || !verdict.writes) return undefined;
  if (call.timeoutMs !== undefined || isStored(call) || hasTools(call)) return undefined;
  const shared = `${key} ${purseOf(call.caller)}`;
  if (!call.isStream) return `whole ${shared}`;
  return wantsUsage(call.request) ? `usage ${shared}` : `stream ${shared}`;
}

const hasTools = ({ request: { value } }: IncomingCall): boolean =>
  isFilledList(value["tools"]) || isFilledList(value["functions"]);

/** A stream ends where the budget of who pays for it does: only who spends of the same budget follows it there. */
function purseOf({ policies: [, own], keyId }: Caller): string {
  return own?.budgets?.some(({ kind }) => kind === "hard") === true ? keyId : "";
}

/** Whether it says something that those with whom it shares a call do not: a provider may refuse it for that alone. */
export const isPersonal = ({ request }: IncomingCall): boolean =>
  request.fields.some(({ key }) => personalFields.has(key));

function weightOf({ events }: EventBatch): number {
  let bytes = 0;
  for (const event of events) bytes += eventWeight(event);
  return bytes;
}

/** Statuses that say more of the key or of the moment than of the request. */
const ofTheMoment: ReadonlySet<number> = new Set([401, 402, 403, 408, 409, 429]);

/** The provider refused what the request says: it would refuse it of the others too. */
const isEveryones = (thrown: unknown): boolean =>
  thrown instanceof Failure &&
  thrown.kind === "provider_rejected" &&
  !ofTheMoment.has(thrown.status);
