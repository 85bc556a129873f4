import type { AuditAmendment } from "../../../pipeline/audit/entry.ts";
import type { JournalLine } from "../../disk/journal-line.ts";
import { readScript } from "../script.ts";
import { amendmentCall } from "./amendment-call.ts";
import { bookKeys, isTenantId, startOf } from "./keys.ts";
import { pack } from "./record-codec.ts";
import { UncountableRecord } from "./record-counts.ts";
import { settleCall } from "./settle-call.ts";
import type { ScriptCall } from "./settle-call.ts";
import type { Window } from "./window.ts";

/** What a line becomes: a call, nothing at all, or the reason why it can never be taken. */
export type LineCall =
  | { readonly kind: "record" | "amendment" | "payload"; readonly call: ScriptCall }
  | { readonly kind: "nothing" }
  | { readonly kind: "refused"; readonly reason: string };

const nothing: LineCall = { kind: "nothing" };

export function callOf(line: JournalLine, window: Window): LineCall {
  switch (line.kind) {
    case "start":
    case "checkpoint":
    case "jobs":
      return nothing;
    case "payload":
      return payloadCall(line.payload, window);
    case "record":
      try {
        return recordCall(line, window);
      } catch (error) {
        if (error instanceof UncountableRecord) return { kind: "refused", reason: error.message };
        throw error;
      }
  }
}

function recordCall(line: JournalLine & { kind: "record" }, window: Window): LineCall {
  const { record } = line;
  return record.object === "audit.amendment"
    ? amendmentLine(record, line.text, window)
    : { kind: "record", call: settleCall(line, record, window) };
}

const putPayload = readScript(new URL("put-payload.lua", import.meta.url));

/** A score or a comment is far smaller; Redis is no place for more. In UTF-16 units. */
const amendmentCharactersMax = 262_144;
/** What one tenant's payloads of one hour may take; what comes after is not kept. */
export const payloadBytesPerHourMax = 64 * 1024 * 1024;

/** Without the record's own checks: a record that is refused may have amendments. */
function amendmentLine(amendment: AuditAmendment, text: string, window: Window): LineCall {
  const { id, request_id: requestId, tenant } = amendment;
  const startMs = placeOf(requestId, tenant);
  if (startMs === undefined || placeOf(id, tenant) === undefined) {
    return { kind: "refused", reason: "its ids or its tenant are none" };
  }
  if (text.length > amendmentCharactersMax) {
    return { kind: "refused", reason: `it is longer than ${amendmentCharactersMax} characters` };
  }
  return { kind: "amendment", call: amendmentCall({ amendment, text, startMs }, window) };
}

function payloadCall(payload: PayloadLike, window: Window): LineCall {
  const { id, tenant, prompt, answer, cut } = payload;
  const startMs = placeOf(id, tenant);
  if (startMs === undefined) return { kind: "refused", reason: "its id or its tenant is none" };
  const packed = pack(JSON.stringify({ prompt, answer, cut }));
  const expiry = window.payloadsExpiry(startMs, tenant);
  const args = [id, packed, expiry, payloadBytesPerHourMax];
  const { payloads } = bookKeys(tenant, startMs);
  return { kind: "payload", call: { script: putPayload, keys: [payloads], args } };
}

interface PayloadLike {
  readonly id: string;
  readonly tenant: string;
  readonly prompt: string;
  readonly answer: string;
  readonly cut: boolean;
}

function placeOf(id: unknown, tenant: unknown): number | undefined {
  if (typeof id !== "string" || typeof tenant !== "string") return undefined;
  return isTenantId(tenant) ? startOf(id) : undefined;
}
