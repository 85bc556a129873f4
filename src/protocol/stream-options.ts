import { isJsonObject } from "../lib/json-text.ts";
import type { JsonText } from "../lib/json-text.ts";

/** Whether the client itself asked for a stream's usage. */
export function wantsUsage(request: Pick<JsonText, "value">): boolean {
  const options = request.value["stream_options"];
  return isJsonObject(options) && options["include_usage"] === true;
}
