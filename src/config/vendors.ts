import { tidyBaseUrl } from "./base-url.ts";

/** What is known of the vendors before anything is configured: where they are, and which variables name them. */
export interface Vendor {
  /** Where its API is if nothing else is said; undefined for a server that is somewhere else for everyone. */
  readonly baseUrl?: string;
  /** An address of it, to show in messages. */
  readonly exampleUrl: string;
  /** The path that belongs to its API. */
  readonly path: string;
  /** `if-none`: added to a URL without a path. `if-no-version`: as its own SDK does, to whatever path there is. */
  readonly pathIsAdded: "if-none" | "if-no-version";
  /** The first one that is set counts. */
  readonly keyVariables: readonly string[];
  readonly urlVariable: string;
}

const speaksOpenAi = { path: "/v1", pathIsAdded: "if-none" } as const;

/** The types that an environment variable is enough for, in the order in which they are asked for a model. */
export const vendors = {
  openai: {
    ...speaksOpenAi,
    baseUrl: "https://api.openai.com/v1",
    exampleUrl: "https://api.openai.com/v1",
    keyVariables: ["OPENAI_API_KEY"],
    urlVariable: "OPENAI_BASE_URL",
  },
  anthropic: {
    baseUrl: "https://api.anthropic.com/v1",
    exampleUrl: "https://api.anthropic.com",
    path: "/v1",
    pathIsAdded: "if-no-version",
    keyVariables: ["ANTHROPIC_API_KEY"],
    urlVariable: "ANTHROPIC_BASE_URL",
  },
  google: {
    baseUrl: "https://generativelanguage.googleapis.com/v1beta",
    exampleUrl: "https://generativelanguage.googleapis.com",
    path: "/v1beta",
    pathIsAdded: "if-no-version",
    // Google's SDKs read both. (https://ai.google.dev/gemini-api/docs/api-key, read 2026-11-21)
    keyVariables: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    urlVariable: "GEMINI_BASE_URL",
  },
  mistral: {
    ...speaksOpenAi,
    baseUrl: "https://api.mistral.ai/v1",
    exampleUrl: "https://api.mistral.ai/v1",
    keyVariables: ["MISTRAL_API_KEY"],
    urlVariable: "MISTRAL_BASE_URL",
  },
  groq: {
    ...speaksOpenAi,
    baseUrl: "https://api.groq.com/openai/v1",
    exampleUrl: "https://api.groq.com/openai/v1",
    path: "/openai/v1",
    keyVariables: ["GROQ_API_KEY"],
    urlVariable: "GROQ_BASE_URL",
  },
  together: {
    ...speaksOpenAi,
    baseUrl: "https://api.together.xyz/v1",
    exampleUrl: "https://api.together.xyz/v1",
    keyVariables: ["TOGETHER_API_KEY"],
    urlVariable: "TOGETHER_BASE_URL",
  },
  deepseek: {
    ...speaksOpenAi,
    baseUrl: "https://api.deepseek.com",
    exampleUrl: "https://api.deepseek.com",
    path: "",
    keyVariables: ["DEEPSEEK_API_KEY"],
    urlVariable: "DEEPSEEK_BASE_URL",
  },
  openrouter: {
    ...speaksOpenAi,
    baseUrl: "https://openrouter.ai/api/v1",
    exampleUrl: "https://openrouter.ai/api/v1",
    path: "/api/v1",
    keyVariables: ["OPENROUTER_API_KEY"],
    urlVariable: "OPENROUTER_BASE_URL",
  },
  xai: {
    ...speaksOpenAi,
    baseUrl: "https://api.x.ai/v1",
    exampleUrl: "https://api.x.ai/v1",
    keyVariables: ["XAI_API_KEY"],
    urlVariable: "XAI_BASE_URL",
  },
  ollama: {
    ...speaksOpenAi,
    baseUrl: "http://127.0.0.1:11434/v1",
    exampleUrl: "http://127.0.0.1:11434",
    keyVariables: [],
    urlVariable: "OLLAMA_BASE_URL",
  },
  vllm: {
    ...speaksOpenAi,
    exampleUrl: "http://127.0.0.1:8001/v1",
    keyVariables: ["VLLM_API_KEY"],
    urlVariable: "VLLM_BASE_URL",
  },
} as const satisfies Record<string, Vendor>;

export type VendorType = keyof typeof vendors;

/** The same as a list. */
export const vendorList: readonly (Vendor & { readonly type: VendorType })[] = Object.entries(
  vendors,
).map(([type, vendor]) => ({ type: type as VendorType, ...vendor }));

/** A vendor's base URL in the one spelling, made of what was written or else of what is known. */
export function vendorBaseUrl(type: VendorType, written: string | undefined): string {
  const { baseUrl, exampleUrl, path, pathIsAdded }: Vendor = vendors[type];
  const tidy = tidyBaseUrl(written ?? baseUrl ?? exampleUrl, path);
  const needsVersion = pathIsAdded === "if-no-version" && !versionPath.test(tidy);
  return needsVersion ? `${tidy}${path}` : tidy;
}

const versionPath = /\/v\d+\w*$/;
