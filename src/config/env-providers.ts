import { baseUrlFault } from "./base-url.ts";
import { normaliseProvider } from "./gateway-config.ts";
import type { ProviderConfig, ProviderInput } from "./gateway-config.ts";
import { apiKeyPattern } from "./provider-shapes.ts";
import type { Environment } from "./stray-variables.ts";

export interface EnvironmentProviders {
  readonly providers: readonly ProviderConfig[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** The providers that the usual variables stand for. If there is none, the demo, so that the first call works. */
export function providersFromEnvironment(environment: Environment): EnvironmentProviders {
  const valueOf = (name: string) => environment[name]?.trim() || undefined; // an empty one is not set
  const found = vendors.map((vendor) => {
    const apiKey = vendor.keyVariable && valueOf(vendor.keyVariable);
    return vendorProvider(vendor, { apiKey, baseUrl: valueOf(vendor.urlVariable) });
  });
  const providers = found.flatMap((result) => (result.kind === "made" ? result.provider : []));
  const problems = found.flatMap((result) => (result.kind === "refused" ? result.problems : []));
  const warnings = found.flatMap((result) => (result.kind === "incomplete" ? result.warning : []));
  const isEmpty = providers.length === 0 && problems.length === 0;
  return { providers: isEmpty ? [demoProvider] : providers, problems, warnings };
}

/** The variable that gives a provider its base URL. */
export function urlVariableOf({ name, source }: ProviderConfig): string | undefined {
  if (source !== "environment") return undefined;
  return vendors.find(({ type }) => type === name)?.urlVariable;
}

interface Vendor {
  readonly type: "openai" | "anthropic" | "google" | "mistral" | "ollama" | "vllm";
  readonly keyVariable?: string;
  readonly urlVariable: string;
}

const vendors: readonly Vendor[] = [
  { type: "openai", keyVariable: "OPENAI_API_KEY", urlVariable: "OPENAI_BASE_URL" },
  {
    type: "anthropic",
    keyVariable: "ANTHROPIC_API_KEY",
    urlVariable: "ANTHROPIC_BASE_URL",
  },
  { type: "google", keyVariable: "GEMINI_API_KEY", urlVariable: "GEMINI_BASE_URL" },
  { type: "mistral", keyVariable: "MISTRAL_API_KEY", urlVariable: "MISTRAL_BASE_URL" },
  { type: "ollama", urlVariable: "OLLAMA_BASE_URL" },
  { type: "vllm", keyVariable: "VLLM_API_KEY", urlVariable: "VLLM_BASE_URL" },
];

const demoProvider = normaliseProvider("demo", { type: "demo" }, "environment");

interface Credentials {
  readonly apiKey: string | undefined;
  readonly baseUrl: string | undefined;
}

type VendorResult =
  | { readonly kind: "absent" }
  | { readonly kind: "incomplete"; readonly warning: string }
  | { readonly kind: "refused"; readonly problems: readonly string[] }
  | { readonly kind: "made"; readonly provider: ProviderConfig };

function vendorProvider(vendor: Vendor, credentials: Credentials): VendorResult {
  const { apiKey, baseUrl } = credentials;
  if (apiKey === undefined && baseUrl === undefined) return { kind: "absent" };
  const problems = [...keyProblems(vendor, credentials), ...urlProblems(vendor, credentials)];
  if (problems.length > 0) return { kind: "refused", problems };
  const input = inputOf(vendor, credentials);
  if (input === undefined) {
    const warning = `${vendor.keyVariable ?? ""} has no effect without ${vendor.urlVariable}.`;
    return { kind: "incomplete", warning };
  }
  return { kind: "made", provider: normaliseProvider(vendor.type, input, "environment") };
}

function inputOf({ type }: Vendor, { apiKey, baseUrl }: Credentials): ProviderInput | undefined {
  const api_keys = apiKey === undefined ? [] : [apiKey];
  if (type !== "vllm") return { type, api_keys, base_url: baseUrl };
  return baseUrl === undefined ? undefined : { type, api_keys, base_url: baseUrl };
}

function keyProblems(
  { type, keyVariable = "" }: Vendor,
  { apiKey, baseUrl }: Credentials,
): string[] {
  if (apiKey === undefined) return [];
  if (!apiKeyPattern.test(apiKey)) {
    return [
      `${keyVariable} must be an API key: visible ASCII characters, no spaces. Copy the key again, for example ${keyVariable}=sk-…`,
    ];
  }
  if (type === "openai" && baseUrl === undefined && apiKey.startsWith("sk-sentinel-")) {
    return [
      `${keyVariable} holds one of Sentinel's own keys, which would be sent to the provider. Set the provider's key where Sentinel runs, for example ${keyVariable}=sk-…, and leave Sentinel's to your application.`,
    ];
  }
  return [];
}

function urlProblems({ type, urlVariable }: Vendor, { baseUrl }: Credentials): string[] {
  const fault = baseUrl === undefined ? undefined : baseUrlFault(baseUrl);
  if (fault === undefined) return [];
  return [`${urlVariable} ${fault}. Set for example ${urlVariable}=${exampleUrls[type]}`];
}

const exampleUrls = {
  openai: "https://api.openai.com/v1",
  anthropic: "https://api.anthropic.com",
  google: "https://generativelanguage.googleapis.com/v1beta",
  mistral: "https://api.mistral.ai/v1",
  ollama: "http://127.0.0.1:11434",
  vllm: "http://127.0.0.1:8001/v1",
} as const;
