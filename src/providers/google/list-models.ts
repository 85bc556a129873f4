import { Failure } from "../../errors.ts";
import type { AdapterOptions } from "../adapter-options.ts";
import type { ListedModel } from "../model-lists.ts";

/** The vendor's list of its models. Rejects with a `Failure` if it does not tell. */
export function listModels(
  options: AdapterOptions,
  _signal: AbortSignal,
): Promise<readonly ListedModel[]> {
  return Promise.reject(new Failure("upstream_error", `${options.name} is not there yet.`));
}
