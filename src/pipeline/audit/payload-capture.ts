import { hash } from "node:crypto";

import type { Caller } from "../../tenants/tenant.ts";
import type { Exchange } from "../exchange.ts";
import type { PayloadRecord } from "../journal.ts";
import type { PayloadEntry } from "./entry.ts";

/** Takes out of a text what must not be stored. */
export type Redact = (text: string) => string;

/**
 * The place where the shield's redaction goes. Until there is one, prompts and answers are stored as they were
 * sent. It is given the whole text, before it is cut: half of a secret would not be recognised.
 */
export const redactNothing: Redact = (text) => text;

export interface CapturedPayload {
  /** What is stored. */
  readonly record: PayloadRecord;
  /** What the audit record says of it, so that the chain covers it. Sizes and hashes are of what is stored. */
  readonly entry: PayloadEntry;
}

/** Whether the tenant has prompts and answers kept: its own policy says so, a key's has no say in it. */
export const keepsPayloads = ({ policies: [tenant] }: Caller): boolean =>
  tenant?.payload_retention_days !== undefined;

type CaptureOf = Pick<Exchange, "id" | "caller" | "request" | "delivered" | "answerBytes">;

/**
 * The request as it was sent and the answer, as JSON if it came whole and as its text if it was streamed, each
 * cut to `bytesMax` bytes of UTF-8. Only for tenants that have them kept.
 */
export function capturePayload(
  exchange: CaptureOf,
  bytesMax: number,
  redact: Redact = redactNothing,
): CapturedPayload {
  const { id, caller, request, delivered } = exchange;
  const prompt = cutTo(bytesMax, redact(request.text));
  const answer = cutTo(bytesMax, redact(answerOf(exchange)));
  const cut = prompt.isCut || answer.isCut || delivered?.isTruncated === true;
  return {
    record: { id, tenant: caller.tenantId, prompt: prompt.text, answer: answer.text, cut },
    entry: {
      prompt_sha256: hash("sha256", prompt.text),
      answer_sha256: hash("sha256", answer.text),
      prompt_bytes: prompt.bytes,
      answer_bytes: answer.bytes,
      cut,
    },
  };
}

/** Empty where none came. */
function answerOf({ delivered, answerBytes }: CaptureOf): string {
  return delivered?.text ?? answerBytes?.toString("utf8") ?? "";
}

interface Kept {
  readonly text: string;
  readonly bytes: number;
  readonly isCut: boolean;
}

/** As much from its beginning as fits, in whole characters. Halves of characters become U+FFFD, as in any UTF-8. */
function cutTo(bytesMax: number, text: string): Kept {
  // A UTF-16 unit makes a byte at least: what is beyond need not be looked at. One more shows a pair that is cut.
  const bytes = Buffer.from(text.slice(0, bytesMax + 1));
  if (bytes.length <= bytesMax && text.length <= bytesMax) {
    return { text: bytes.toString("utf8"), bytes: bytes.length, isCut: false };
  }
  let end = Math.min(bytesMax, bytes.length);
  while (end > 0 && isContinuation(bytes[end])) end--;
  return { text: bytes.toString("utf8", 0, end), bytes: end, isCut: true };
}

/** A byte within a character, not its first. */
const isContinuation = (byte: number | undefined): boolean =>
  byte !== undefined && (byte & 0xc0) === 0x80;
