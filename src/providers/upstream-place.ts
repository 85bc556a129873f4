import type { ProviderType } from "../config/gateway-config.ts";

/** Where a provider is, as traces and metrics name it. Made once for each provider. */
export interface UpstreamPlace {
  /** `gen_ai.provider.name`. */
  readonly vendor: string;
  readonly address: string;
  readonly port: number;
}

/** Of a provider that is somewhere else. */
export function upstreamPlace(type: ProviderType, baseUrl: string): UpstreamPlace {
  const { hostname, port, protocol } = new URL(baseUrl);
  return {
    vendor: vendorAt(hostname) ?? vendors[type],
    address: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || (protocol === "https:" ? 443 : 80),
  };
}

/** The conventions' names where they have one. (docs/registry/attributes/gen-ai.md, read 2026-11-21) */
const vendors: Readonly<Record<ProviderType, string>> = {
  openai: "openai",
  "azure-openai": "azure.ai.openai",
  anthropic: "anthropic",
  google: "gcp.gemini",
  mistral: "mistral_ai",
  groq: "groq",
  together: "together_ai",
  deepseek: "deepseek",
  openrouter: "openrouter",
  xai: "x_ai",
  ollama: "ollama",
  vllm: "vllm",
  "openai-compatible": "openai_compatible",
  demo: "sentinel",
};

/** Vendors with a name of their own that are set up by their address. */
const vendorsByHost: readonly (readonly [host: string, vendor: string])[] = [
  ["aiplatform.googleapis.com", "gcp.vertex_ai"],
  ["moonshot.ai", "moonshot_ai"],
  ["moonshot.cn", "moonshot_ai"],
  ["perplexity.ai", "perplexity"],
  ["cohere.com", "cohere"],
  ["cohere.ai", "cohere"],
];

function vendorAt(hostname: string): string | undefined {
  // Vertex has a host for each region: `europe-west4-aiplatform.googleapis.com`.
  return vendorsByHost.find(
    ([host]) => hostname === host || hostname.endsWith(`.${host}`) || hostname.endsWith(`-${host}`),
  )?.[1];
}
