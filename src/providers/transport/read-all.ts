import { Failure } from "../../errors.ts";
import type { UpstreamBody } from "./upstream-call.ts";

/** No vendor's answer is larger; what is would fill the memory. */
export const answerBytesMax = 128 * 1024 * 1024;
export const errorBytesMax = 1024 * 1024;

/** The whole body. Throws `upstream_error` past `bytesMax`, so that no upstream can fill the memory. */
export async function readAll(
  body: UpstreamBody,
  bytesMax: number,
  upstreamName: string,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for (let part = await body.next(); part !== undefined; part = await body.next()) {
    parts.push(part);
    bytes += part.length;
    if (bytes <= bytesMax) continue;
    body.cancel();
    throw new Failure("upstream_error", `${upstreamName} sent more than ${bytesMax} bytes.`);
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, bytes);
}
