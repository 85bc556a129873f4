import { isJsonObject } from "../../lib/json-text.ts";
import { fetchList, noList } from "../fetch-list.ts";
import type { ListedModel } from "../model-lists.ts";
import { upstreamHeaders } from "../transport/request-headers.ts";
import { headerRules } from "./adapter.ts";
import type { CompatibleOptions } from "./adapter.ts";

const modelsMax = 10_000;

/** `GET /models` of an OpenAI-compatible server. Rejects with a `Failure` if it has no such list. */
export async function listModels(
  options: CompatibleOptions,
  signal: AbortSignal,
): Promise<readonly ListedModel[]> {
  const headers = upstreamHeaders(headerRules(options), "application/json", options.apiKeys[0]);
  const list = await fetchList(options, { path: "/models", headers }, signal);
  const data = Array.isArray(list) ? list : isJsonObject(list) ? list["data"] : undefined;
  if (!Array.isArray(data)) throw noList(options.name);
  return data.slice(0, modelsMax).flatMap(readModel);
}

function readModel(model: unknown): ListedModel[] {
  if (!isJsonObject(model) || typeof model["id"] !== "string") return [];
  const created = typeof model["created"] === "number" ? model["created"] : 0;
  return [{ ...model, id: model["id"], created }];
}
