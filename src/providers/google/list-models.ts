import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { AdapterOptions } from "../adapter-options.ts";
import { fetchList, noList } from "../fetch-list.ts";
import type { ListedModel } from "../model-lists.ts";
import { upstreamHeaders } from "../transport/request-headers.ts";
import { bareName } from "./model-generation.ts";

const pageSize = 1_000;
const pagesMax = 10;

/**
 * Google's models that can chat or embed. Rejects with a `Failure` if it does not tell.
 * (https://ai.google.dev/api/models#method:-models.list, read 2026-11-21)
 */
export async function listModels(
  options: AdapterOptions,
  signal: AbortSignal,
): Promise<readonly ListedModel[]> {
  const models: ListedModel[] = [];
  let token = "";
  for (let page = 0; page < pagesMax; page++) {
    const answer = await askForPage(options, token, signal);
    const list = answer["models"];
    if (Array.isArray(list)) models.push(...list.flatMap(readModel));
    const next = answer["nextPageToken"];
    if (typeof next !== "string" || next === "") return models;
    token = next;
  }
  return models; // Ten thousand will do.
}

async function askForPage(
  options: AdapterOptions,
  token: string,
  signal: AbortSignal,
): Promise<JsonObject> {
  const { name, headers: set, apiKeys } = options;
  const next = token === "" ? "" : `&pageToken=${encodeURIComponent(token)}`;
  const path = `/models?pageSize=${pageSize}${next}`;
  const rules = { keyHeader: "x-goog-api-key", set } as const;
  const headers = upstreamHeaders(rules, "application/json", apiKeys[0]);
  const answer = await fetchList(options, { path, headers }, signal);
  if (isJsonObject(answer)) return answer;
  throw noList(name);
}

const usable = new Set<unknown>(["generateContent", "embedContent"]);

function readModel(model: unknown): ListedModel[] {
  if (!isJsonObject(model) || typeof model["name"] !== "string") return [];
  const methods = model["supportedGenerationMethods"];
  if (!Array.isArray(methods) || !methods.some((method) => usable.has(method))) return [];
  return [{ id: bareName(model["name"]), object: "model", created: 0, owned_by: "google" }];
}
