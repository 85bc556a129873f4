import { hash } from "node:crypto";

/** What was evaluated, and which time that it was tried. */
export interface EvaluationName {
  readonly requestId: string;
  readonly evaluator: string;
  readonly round: number;
}

/**
 * The id of an evaluation's amendment: the same on every try, so that stores, which keep one amendment of an id, keep one
 * score. A ULID with the time of the request, and in place of what is random a hash of what it is about.
 */
export const evaluationId = ({ requestId, evaluator, round }: EvaluationName): string =>
  derivedId(requestId, `evaluation\n${requestId}\n${evaluator}\n${round}`);

/** What a client may send twice because it does not know whether it has arrived. */
export interface FeedbackName {
  readonly requestId: string;
  readonly tenantId: string;
  /** The client's `Idempotency-Key`, or something that never comes again. */
  readonly key: string;
}

/** The same for feedback: of one key, one request and one tenant there is one. */
export const feedbackId = ({ requestId, tenantId, key }: FeedbackName): string =>
  derivedId(requestId, `feedback\n${requestId}\n${tenantId}\n${key}`);

const timeCharacters = 10;
const randomCharacters = 16;
const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The first 80 bits of the text's SHA-256, after the time of the request. */
function derivedId(requestId: string, text: string): string {
  let bits = BigInt(`0x${hash("sha256", text).slice(0, 20)}`);
  let random = "";
  for (let count = 0; count < randomCharacters; count += 1) {
    random = (letters[Number(bits & 31n)] ?? "") + random;
    bits >>= 5n;
  }
  return requestId.slice(0, timeCharacters) + random;
}
