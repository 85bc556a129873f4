import { Failure } from "../../../errors.ts";
import type { ChatTraits } from "../chat-traits.ts";
import { ToolNames } from "../tool-names.ts";

/** What the parts of one request's translation share. */
export interface Translation {
  readonly traits: ChatTraits;
  /** The model as the provider names it. */
  readonly model: string;
  /** Whether each tool call must have its result; a request that is only counted may be a piece of one. */
  readonly isStrict: boolean;
  /** Fields that were left out. */
  readonly dropped: Set<string>;
  readonly toolNames: ToolNames;
}

export function beginTranslation(
  rules: Pick<Translation, "traits" | "model" | "isStrict">,
): Translation {
  return { ...rules, dropped: new Set(), toolNames: new ToolNames() };
}

/**
 * What no chat can be made of; a target that speaks Anthropic's API may take it. `param` is written as in
 * `messages[0].content[1].source`.
 */
export function fault(param: string, what: string): Failure {
  return new Failure("invalid_value", `'${param}' ${what}`, { param, recovery: "fallback" });
}

/** Something that no translation can give to a model of another vendor. */
export function anthropicOnly(param: string, what: string): Failure {
  return fault(
    param,
    `is ${what}, which only Anthropic's own API has. Use a model of a provider of type 'anthropic', or leave it out.`,
  );
}
