import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { MessageQuirks } from "./quirks.ts";

/** The tools in the vendor's dialect; undefined where they are right as they are. */
export function changedTools(
  tools: unknown,
  { takesCacheControl }: MessageQuirks,
): readonly unknown[] | undefined {
  if (takesCacheControl || !Array.isArray(tools)) return undefined;
  const changed = tools.map((tool: unknown) =>
    isJsonObject(tool) ? withoutCacheControl(tool) : tool,
  );
  return changed.some((tool, index) => tool !== tools[index]) ? changed : undefined;
}

/** The same object if it has none. */
export function withoutCacheControl(object: JsonObject): JsonObject {
  if (!("cache_control" in object)) return object;
  const { cache_control: _, ...rest } = object;
  return rest;
}
