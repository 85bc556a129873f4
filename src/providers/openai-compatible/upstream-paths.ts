import type { Endpoint } from "../../protocol/endpoints.ts";
import { endpoints } from "../../protocol/endpoints.ts";
import type { Quirks } from "./quirks.ts";
import { basePathOf } from "../adapter-options.ts";

export interface PathOptions {
  readonly baseUrl: string;
  readonly quirks: Pick<Quirks, "paths">;
  /** Azure's `api-version`; without it Azure's versionless `/openai/v1` is used. */
  readonly apiVersion: string | undefined;
}

/**
 * The paths of a vendor's endpoints. They are put together once, except for Azure's dated API, where a path
 * names the deployment; the base URL may name one itself, and then it serves whatever model is asked for.
 * (https://learn.microsoft.com/azure/ai-foundry/openai/reference, read 2026-11-21)
 */
export class UpstreamPaths {
  readonly #basePath: string;
  readonly #deployments: Deployments | undefined;
  readonly #plain = new Map<Endpoint, string>();

  constructor({ baseUrl, quirks, apiVersion }: PathOptions) {
    const path = basePathOf({ baseUrl });
    const hasDeployments = quirks.paths === "deployments";
    const root = path.replace(/\/openai(\/v1|\/deployments\/[^/]+)?$/, "");
    const named = /\/openai\/deployments\/([^/]+)$/.exec(path)?.[1];
    const isDated = hasDeployments && (apiVersion !== undefined || named !== undefined);
    this.#basePath = hasDeployments ? `${root}/openai/v1` : path;
    this.#deployments = isDated
      ? { root: `${root}/openai`, named, version: apiVersion ?? defaultVersion }
      : undefined;
  }

  of(endpoint: Endpoint, model: string): string {
    const { path } = endpoints[endpoint];
    if (this.#deployments !== undefined) {
      const { root, named, version } = this.#deployments;
      const query = `?api-version=${encodeURIComponent(version)}`;
      if (endpoint === "responses") return `${root}${path}${query}`;
      return `${root}/deployments/${named ?? encodeURIComponent(model)}${path}${query}`;
    }
    const known = this.#plain.get(endpoint);
    if (known !== undefined) return known;
    const made = `${this.#basePath}${path}`;
    this.#plain.set(endpoint, made);
    return made;
  }
}

interface Deployments {
  readonly root: string;
  /** The one that the base URL names, as it is written there. */
  readonly named: string | undefined;
  readonly version: string;
}

/** The last dated version that Azure calls stable. */
const defaultVersion = "2024-10-21";
