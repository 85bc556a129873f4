/**
 * What a model of Anthropic's takes, by its name. The rules follow the order in which Claude's versions
 * changed, so that a version which nobody here has heard of is treated as the newest one known.
 * (https://platform.claude.com/docs/en/models/overview, …/build-with-claude/thinking-troubleshooting and the
 * migration guides of Opus 4.7, Opus 5.5, Sonnet 5.5, Haiku 5.5; read 2026-11-21)
 */
export interface ModelTraits {
  /** `max_tokens` where the client says nothing: Anthropic requires it, OpenAI's clients leave it out. */
  readonly maxTokensDefault: number;
  /** The most that it can write; infinite where that is not known. */
  readonly maxTokensLimit: number;
  /** A budget of tokens, or as much as the model sees fit (with `output_config.effort`). */
  readonly thinking: "none" | "budget" | "adaptive";
  /** How it is told not to think: by silence, by a `thinking.type`, or not at all. */
  readonly noThinking: "silence" | "disabled" | "between_tools" | "impossible";
  /** Thinking comes back empty unless `display: "summarized"` asks for its text. */
  readonly hidesThinking: boolean;
  /** Has an effort between `high` and `max`. */
  readonly hasXhigh: boolean;
  /** `temperature`, `top_p`, `top_k`. */
  readonly takesSampling: boolean;
  readonly takesTemperatureWithTopP: boolean;
  /** `tool_choice` of `any` or of one tool. */
  readonly takesForcedTools: boolean;
  /** `output_config.format` and `strict` tools. */
  readonly hasStructuredOutputs: boolean;
}

interface ModelName {
  readonly family: string;
  /** 405 for 4.5. */
  readonly version: number;
}

export function traitsOf(model: string): ModelTraits {
  const name = readName(model);
  return name === undefined ? unknownModel : claude(name);
}

/**
 * A server that only speaks Anthropic's protocol, or a model under a name of its own: what every Claude up to
 * 4.5 takes, and no more tokens than any of them can write.
 */
const unknownModel: ModelTraits = {
  maxTokensDefault: 8_192,
  maxTokensLimit: Number.POSITIVE_INFINITY,
  thinking: "budget",
  noThinking: "silence",
  hidesThinking: false,
  hasXhigh: false,
  takesSampling: true,
  takesTemperatureWithTopP: false,
  takesForcedTools: true,
  hasStructuredOutputs: false,
};

function claude({ family, version }: ModelName): ModelTraits {
  const maxTokens = maxTokensOf(family, version);
  const isFable = family === "fable" || family === "mythos";
  return {
    maxTokensDefault: maxTokens,
    maxTokensLimit: maxTokens,
    thinking: version < 307 ? "none" : version < 406 ? "budget" : "adaptive",
    noThinking: noThinkingOf(family, version),
    hidesThinking: version >= 407,
    hasXhigh: version >= 407,
    takesSampling: version < 407,
    takesTemperatureWithTopP: version < 400,
    takesForcedTools: family === "haiku" || version < (isFable ? 501 : 505),
    hasStructuredOutputs: version >= 405,
  };
}

function maxTokensOf(family: string, version: number): number {
  if (version < 305) return 4_096;
  if (version < 307) return 8_192;
  if (family === "opus" && version < 405) return version < 400 ? 64_000 : 32_000;
  return version < 406 ? 64_000 : 128_000;
}

function noThinkingOf(family: string, version: number): ModelTraits["noThinking"] {
  if (family === "fable" || family === "mythos") return "impossible";
  if (version < 500) return "silence";
  if (version < 505 || family === "haiku") return "disabled";
  return family === "sonnet" ? "between_tools" : "impossible";
}

/** A digit more would make it a date: `claude-opus-4-20250514` is 4.0. */
const familyFirst =
  /claude-(opus|sonnet|haiku|fable|mythos)(?:-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?)?/;
const versionFirst = /claude-v?(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?(?:-(opus|sonnet|haiku))?/;
/** For a family's name without a version (`claude-opus-latest`): the newest. */
const newestVersion = 505;

function readName(model: string): ModelName | undefined {
  const named = familyFirst.exec(model);
  if (named !== null) {
    const [, family = "", major, minor] = named;
    return { family, version: major === undefined ? newestVersion : versionOf(major, minor) };
  }
  const numbered = versionFirst.exec(model);
  if (numbered === null) return undefined;
  const [, major = "", minor, family = ""] = numbered;
  return { family, version: versionOf(major, minor) };
}

function versionOf(major: string, minor = "0"): number {
  return Number(major) * 100 + Number(minor);
}
