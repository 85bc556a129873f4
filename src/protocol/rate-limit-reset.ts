/**
 * A time until a limit is free again, as OpenAI writes it in `x-ratelimit-reset-*`: `12ms`, `1s`, `6m0s`, `1h0m0s`.
 * (https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers, read 2026-11-21)
 */
export function rateLimitReset(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.ceil(ms))}ms`;
  const seconds = Math.ceil(ms / 1_000);
  const parts = [`${seconds % 60}s`];
  if (seconds >= 60) parts.unshift(`${Math.floor(seconds / 60) % 60}m`);
  if (seconds >= 3_600) parts.unshift(`${Math.floor(seconds / 3_600)}h`);
  return parts.join("");
}
