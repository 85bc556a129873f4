import { demoModel } from "../../src/providers/demo/adapter.ts";
import { vendors } from "../../src/config/vendors.ts";
import type { VendorType } from "../../src/config/vendors.ts";

/** The names that `switch-llm` takes, and what each makes of the default models. */
export const choiceNames = ["claude", "openai", "google", "mistral", "local", "none"] as const;
export type ChoiceName = (typeof choiceNames)[number];

/** The aliases that are switched. */
export const defaultAliases = ["default", "fast", "smart"] as const;
export type DefaultAlias = (typeof defaultAliases)[number];
export type DefaultModels = Readonly<Record<DefaultAlias, string>>;

export interface Choice {
  readonly type: VendorType | "demo";
  /** What a provider is called that has to be added to the file. */
  readonly providerName: string;
  readonly models: DefaultModels;
  readonly about: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Names from the vendors' own lists of models. */
export function choiceOf(name: ChoiceName, environment: Environment): Choice {
  switch (name) {
    case "claude":
      // (https://platform.claude.com/docs/en/about-claude/models/overview, read 2026-11-21)
      return vendorChoice("anthropic", "claude", "Anthropic's Claude", {
        default: "claude-sonnet-5-5",
        fast: "claude-haiku-5-5",
        smart: "claude-opus-5-5",
      });
    case "openai":
      // (https://developers.openai.com/api/docs/models, read 2026-11-21)
      return vendorChoice("openai", "openai", "OpenAI's GPT", {
        default: "gpt-5.6-terra",
        fast: "gpt-5.6-luna",
        smart: "gpt-5.6-sol",
      });
    case "google":
      // Its only current "Pro" is a preview. (https://ai.google.dev/gemini-api/docs/models, read 2026-11-21)
      return vendorChoice("google", "google", "Google's Gemini", {
        default: "gemini-3.8-flash",
        fast: "gemini-3.5-flash-lite",
        smart: "gemini-3.8-flash",
      });
    case "mistral":
      // (https://docs.mistral.ai/getting-started/models/models_overview/, read 2026-11-21)
      return vendorChoice("mistral", "mistral", "Mistral", {
        default: "mistral-medium-latest",
        fast: "mistral-small-latest",
        smart: "mistral-medium-latest",
      });
    case "local":
      return vendorChoice(
        isSet(environment, "VLLM_BASE_URL") && !isSet(environment, "OLLAMA_BASE_URL")
          ? "vllm"
          : "ollama",
        "local",
        "a server of your own: Ollama, or vLLM where VLLM_BASE_URL is set",
        // Small enough for most machines. (https://ollama.com/library/gpt-oss, read 2026-11-21)
        allTheSame("gpt-oss:20b"),
      );
    case "none":
      return {
        type: "demo",
        providerName: "demo",
        models: allTheSame(demoModel),
        about: "no model: Sentinel's own demo answers",
      };
  }
}

export const allTheSame = (model: string): DefaultModels => ({
  default: model,
  fast: model,
  smart: model,
});

function vendorChoice(
  type: VendorType,
  providerName: string,
  about: string,
  models: DefaultModels,
): Choice {
  return { type, providerName, models, about };
}

/** The variables that hold a vendor's key, where it needs one. */
export function keyVariablesOf({ type }: Pick<Choice, "type">): readonly string[] {
  return type === "demo" || type === "ollama" || type === "vllm" ? [] : vendors[type].keyVariables;
}

export const isSet = (environment: Environment, name: string): boolean =>
  (environment[name]?.trim() ?? "") !== "";
