/**
 * Models of OpenAI's that answer 400 to a limit above what they can write, and whose own is below the 32,000
 * and more that coding agents ask of Claude. (https://platform.openai.com/docs/models, read 2026-11-21)
 */
const outputTokensMaxByModel: readonly (readonly [model: RegExp, tokens: number])[] = [
  [/^(?:.*\/)?(?:ft:)?(?:gpt-3\.5|gpt-4-turbo|gpt-4o-2024-05-13)/, 4_096],
  [/^(?:.*\/)?(?:ft:)?(?:gpt-4o|chatgpt-4o|gpt-5-chat)/, 16_384],
  [/^(?:.*\/)?(?:ft:)?gpt-4\.1/, 32_768],
];

/** The most tokens that a model writes in one answer; infinite where that is not known to matter. */
export function outputTokensMaxOf(model: string): number {
  const known = outputTokensMaxByModel.find(([pattern]) => pattern.test(model));
  return known?.[1] ?? Number.POSITIVE_INFINITY;
}
