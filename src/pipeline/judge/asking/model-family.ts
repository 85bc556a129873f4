/**
 * Who made a model, as far as its name tells: models are known to like what their own family writes. Undefined: nobody
 * knows. A model that was trained from another's is of the family that its name says first ("deepseek-r1-distill-llama").
 * (Panickssery et al. 2024, https://arxiv.org/abs/2404.13076)
 */
export function modelFamily(model: string): string | undefined {
  const name = model.toLowerCase();
  let found: { readonly family: string; readonly at: number } | undefined;
  for (const [family, pattern] of families) {
    const at = name.search(pattern);
    if (at !== -1 && (found === undefined || at < found.at)) found = { family, at };
  }
  return found?.family;
}

/** False where one of the two is not known. */
export function isSameFamily(left: string, right: string): boolean {
  const family = modelFamily(left);
  return family !== undefined && family === modelFamily(right);
}

/** A word of the name: after its beginning or a sign, as in `us.anthropic.claude-3` and `openrouter/qwen/qwen3`. */
const families: readonly (readonly [family: string, pattern: RegExp])[] = [
  [
    "openai",
    /(?<![a-z0-9])(?:chatgpt|gpt-?(?:3|4|5|oss|image|audio|realtime)|o[134](?![a-z0-9])|codex)/,
  ],
  ["anthropic", /(?<![a-z0-9])claude/],
  ["google", /(?<![a-z0-9])(?:gemini|gemma|palm-?2)/],
  ["mistral", /(?<![a-z0-9])(?:mi[sx]tral|ministral|codestral|magistral|devstral|pixtral)/],
  ["meta", /(?<![a-z0-9])(?:code-?)?llama/],
  ["qwen", /(?<![a-z0-9])(?:qwen|qwq|qvq)/],
  ["deepseek", /(?<![a-z0-9])deepseek/],
  ["xai", /(?<![a-z0-9])grok/],
  ["cohere", /(?<![a-z0-9])(?:command-?(?:r|a|light|nightly)|c4ai|aya)(?![a-z])/],
  ["microsoft", /(?<![a-z0-9])phi-?[0-9]/],
  ["amazon", /(?<![a-z0-9])(?:nova-(?:micro|lite|pro|premier)|titan-text)/],
  ["moonshot", /(?<![a-z0-9])(?:kimi|moonshot)/],
  ["zhipu", /(?<![a-z0-9])(?:glm-?[0-9]|chatglm)/],
  ["minimax", /(?<![a-z0-9])(?:minimax|abab)/],
  ["ai21", /(?<![a-z0-9])(?:jamba|jurassic)/],
  ["ibm", /(?<![a-z0-9])granite/],
];
