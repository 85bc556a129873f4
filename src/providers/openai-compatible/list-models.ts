import { Failure } from "../../errors.ts";
import { isJsonObject } from "../../lib/json-text.ts";
import { defaultDeadlines } from "../deadlines.ts";
import type { ListedModel } from "../model-lists.ts";
import { readAll } from "../transport/read-all.ts";
import { sendUpstream } from "../transport/send.ts";
import { upstreamHeaders } from "../transport/request-headers.ts";
import { headerRules } from "./adapter.ts";
import type { CompatibleOptions } from "./adapter.ts";

const listBytesMax = 8 * 1024 * 1024;
const modelsMax = 10_000;

/** `GET /models` of an OpenAI-compatible server. Rejects with a `Failure` if it has no such list. */
export async function listModels(
  options: CompatibleOptions,
  signal: AbortSignal,
): Promise<readonly ListedModel[]> {
  const { name } = options;
  const response = await sendUpstream(options.pools, {
    method: "GET",
    path: `${new URL(options.baseUrl).pathname.replace(/\/+$/, "")}/models`,
    headers: upstreamHeaders(headerRules(options), "application/json", options.apiKeys[0]),
    body: null,
    signal,
    deadlines: defaultDeadlines,
    deadlineTickMs: Number.POSITIVE_INFINITY,
    upstreamName: name,
  });
  const bytes = await readAll(response.body, listBytesMax, name);
  const list: unknown = JSON.parse(bytes.toString("utf8"));
  const data = Array.isArray(list) ? list : isJsonObject(list) ? list["data"] : undefined;
  if (response.status !== 200 || !Array.isArray(data)) {
    throw new Failure("upstream_error", `${name} does not list its models.`);
  }
  return data.slice(0, modelsMax).flatMap(readModel);
}

function readModel(model: unknown): ListedModel[] {
  if (!isJsonObject(model) || typeof model["id"] !== "string") return [];
  const created = typeof model["created"] === "number" ? model["created"] : 0;
  return [{ ...model, id: model["id"], created }];
}
