import { baseUrlFault } from "./base-url.ts";
import { normaliseProvider } from "./gateway-config.ts";
import type { ProviderConfig, ProviderInput } from "./gateway-config.ts";
import { apiKeyPattern } from "./provider-shapes.ts";
import type { Environment } from "./stray-variables.ts";
import { vendorList } from "./vendors.ts";

export interface EnvironmentProviders {
  readonly providers: readonly ProviderConfig[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** The providers that the usual variables stand for. If there is none, the demo, so that the first call works. */
export function providersFromEnvironment(environment: Environment): EnvironmentProviders {
  const found = vendorList.map((vendor) =>
    vendorProvider(vendor, variablesOf(vendor, environment)),
  );
  const providers = found.flatMap((result) => (result.kind === "made" ? result.provider : []));
  const problems = found.flatMap((result) => (result.kind === "refused" ? result.problems : []));
  const warnings = found.flatMap((result) => (result.kind === "incomplete" ? result.warning : []));
  const isEmpty = providers.length === 0 && problems.length === 0;
  return { providers: isEmpty ? [demoProvider] : providers, problems, warnings };
}

/** The variable that gives a provider its base URL. */
export function urlVariableOf({ name, source }: ProviderConfig): string | undefined {
  if (source !== "environment") return undefined;
  return vendorList.find(({ type }) => type === name)?.urlVariable;
}

type Vendor = (typeof vendorList)[number];

const demoProvider = normaliseProvider("demo", { type: "demo" }, "environment");

interface Credentials {
  /** The variable that holds the key, or the one that would. */
  readonly keyVariable: string;
  readonly apiKey: string | undefined;
  readonly baseUrl: string | undefined;
}

function variablesOf({ keyVariables, urlVariable }: Vendor, environment: Environment): Credentials {
  const valueOf = (name: string) => environment[name]?.trim() || undefined; // an empty one is not set
  const keyVariable = keyVariables.find((name) => valueOf(name) !== undefined);
  return {
    keyVariable: keyVariable ?? keyVariables[0] ?? "",
    apiKey: keyVariable && valueOf(keyVariable),
    baseUrl: valueOf(urlVariable),
  };
}

type VendorResult =
  | { readonly kind: "absent" }
  | { readonly kind: "incomplete"; readonly warning: string }
  | { readonly kind: "refused"; readonly problems: readonly string[] }
  | { readonly kind: "made"; readonly provider: ProviderConfig };

function vendorProvider(vendor: Vendor, credentials: Credentials): VendorResult {
  const { keyVariable, apiKey, baseUrl } = credentials;
  if (apiKey === undefined && baseUrl === undefined) return { kind: "absent" };
  const problems = [...keyProblems(credentials), ...urlProblems(vendor, credentials)];
  if (problems.length > 0) return { kind: "refused", problems };
  const input = inputOf(vendor, credentials);
  if (input === undefined) {
    const warning = `${keyVariable} has no effect without ${vendor.urlVariable}.`;
    return { kind: "incomplete", warning };
  }
  return { kind: "made", provider: normaliseProvider(vendor.type, input, "environment") };
}

function inputOf({ type }: Vendor, { apiKey, baseUrl }: Credentials): ProviderInput | undefined {
  const api_keys = apiKey === undefined ? [] : [apiKey];
  if (type !== "vllm") return { type, api_keys, base_url: baseUrl };
  return baseUrl === undefined ? undefined : { type, api_keys, base_url: baseUrl };
}

function keyProblems({ keyVariable, apiKey, baseUrl }: Credentials): string[] {
  if (apiKey === undefined) return [];
  if (!apiKeyPattern.test(apiKey)) {
    return [
      `${keyVariable} must be an API key: visible ASCII characters, no spaces. Copy the key again, for example ${keyVariable}=sk-…`,
    ];
  }
  if (baseUrl === undefined && apiKey.startsWith("sk-sentinel-")) {
    return [
      `${keyVariable} holds one of Sentinel's own keys, which would be sent to the provider. Set the provider's key where Sentinel runs, for example ${keyVariable}=sk-…, and leave Sentinel's to your application.`,
    ];
  }
  return [];
}

function urlProblems({ urlVariable, exampleUrl }: Vendor, { baseUrl }: Credentials): string[] {
  const fault = baseUrl === undefined ? undefined : baseUrlFault(baseUrl);
  if (fault === undefined) return [];
  return [`${urlVariable} ${fault}. Set for example ${urlVariable}=${exampleUrl}`];
}
