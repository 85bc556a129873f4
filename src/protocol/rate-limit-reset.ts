/**
 * A time until a limit is free again, as OpenAI writes it in `x-ratelimit-reset-*`: `12ms`, `1s`, `6m0s`, `1h0m0s`.
 * (https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers, read 2026-11-21)
 */
export function rateLimitReset(ms: number): string {
  // Times are sums of fractions, a little off: 30 s must not become 31.
  const wholeMs = Math.max(0, Math.ceil(ms - 0.001));
  if (wholeMs < 1_000) return `${wholeMs}ms`;
  const seconds = Math.ceil(wholeMs / 1_000);
  const parts = [`${seconds % 60}s`];
  if (seconds >= 60) parts.unshift(`${Math.floor(seconds / 60) % 60}m`);
  if (seconds >= 3_600) parts.unshift(`${Math.floor(seconds / 3_600)}h`);
  return parts.join("");
}
