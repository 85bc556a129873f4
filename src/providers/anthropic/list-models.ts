import { isJsonObject, objectsOf } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { AdapterOptions } from "../adapter-options.ts";
import { fetchList, noList } from "../fetch-list.ts";
import type { ListedModel } from "../model-lists.ts";
import { upstreamHeaders } from "../transport/request-headers.ts";
import { headerRules } from "./adapter.ts";
import { apiVersion } from "./wire.ts";

/** The most that Anthropic puts on a page. */
const modelsPerPage = 1_000;
/** A list that goes on after this many is not believed. */
const pagesMax = 10;

/**
 * The vendor's list of its models. Rejects with a `Failure` if it does not tell.
 * (https://platform.claude.com/docs/en/api/models-list, read 2026-11-21)
 */
export async function listModels(
  options: AdapterOptions,
  signal: AbortSignal,
): Promise<readonly ListedModel[]> {
  const models: ListedModel[] = [];
  let after = "";
  for (let page = 0; page < pagesMax; page++) {
    const list = await fetchPage(options, after, signal);
    models.push(...objectsOf(list["data"]).flatMap(readModel));
    const { has_more: hasMore, last_id: last } = list;
    if (hasMore !== true || typeof last !== "string" || last === after) break;
    after = last;
  }
  return models;
}

async function fetchPage(
  options: AdapterOptions,
  after: string,
  signal: AbortSignal,
): Promise<JsonObject> {
  const rules = headerRules(options);
  const headers = upstreamHeaders(rules, "application/json", options.apiKeys[0]);
  if (rules.set["anthropic-version"] === undefined) headers.push("anthropic-version", apiVersion);
  const from = after === "" ? "" : `&after_id=${encodeURIComponent(after)}`;
  const path = `/models?limit=${modelsPerPage}${from}`;
  const list = await fetchList(options, { path, headers }, signal);
  if (isJsonObject(list) && Array.isArray(list["data"])) return list;
  throw noList(options.name);
}

function readModel(model: JsonObject): ListedModel[] {
  const { id, created_at: createdAt, display_name: displayName } = model;
  if (typeof id !== "string") return [];
  const createdMs = typeof createdAt === "string" ? Date.parse(createdAt) : Number.NaN;
  const created = Number.isNaN(createdMs) ? 0 : Math.floor(createdMs / 1_000);
  const named = typeof displayName === "string" ? { display_name: displayName } : {};
  return [{ id, object: "model", created, owned_by: "anthropic", ...named }];
}
