import { Failure } from "../../errors.ts";

/** A body with a good status as the JSON that it should be; throws `upstream_error` where it is none. */
export function parseJsonAnswer(
  bytes: Buffer,
  upstreamName: string,
  parse: (text: string) => unknown = JSON.parse,
): unknown {
  try {
    return parse(bytes.toString("utf8"));
  } catch (error) {
    const message = `${upstreamName} sent an answer that is not JSON.`;
    throw new Failure("upstream_error", message, { cause: error });
  }
}
