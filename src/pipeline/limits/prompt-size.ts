import type { JsonText } from "../../lib/json-text.ts";
import { promptTextsIn } from "../../providers/prompt-texts.ts";

export interface PromptSize {
  readonly textBytes: number;
  /** Of images, documents and speech, by rule of thumb. */
  readonly otherTokens: number;
}

/** No image of use is smaller than this in base64, so a body of up to this size counts as text. */
const looksLikeTextBytes = 8_192;

/** Of larger bodies it is asked twice, when they are admitted and when they are settled. */
const known = new WeakMap<JsonText, PromptSize>();

/**
 * How much text a request has, so that a picture in base64 is not taken for a book. Nothing is scanned: a larger
 * body costs as much as it has messages and parts.
 */
export function promptSizeOf({
  request,
  requestBytes,
}: {
  readonly request: JsonText;
  readonly requestBytes: Uint8Array;
}): PromptSize {
  if (requestBytes.length <= looksLikeTextBytes) {
    return { textBytes: requestBytes.length, otherTokens: 0 };
  }
  let size = known.get(request);
  if (size === undefined) {
    size = measure(request, requestBytes);
    known.set(request, size);
  }
  return size;
}

function measure(request: JsonText, requestBytes: Uint8Array): PromptSize {
  const { texts, otherTokens, isWhole } = promptTextsIn(request);
  if (!isWhole) return { textBytes: requestBytes.length, otherTokens: 0 };
  return { textBytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0), otherTokens };
}
