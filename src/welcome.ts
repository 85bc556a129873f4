import type { Configuration } from "./config/load.ts";
import type { RunningGateway } from "./serve.ts";

/**
 * What a start prints for a person: at the first one the credentials, once, and a request that works; at
 * others nothing, so that a log of JSON lines stays one.
 */
export function welcome({ url, firstRun }: RunningGateway, configuration: Configuration): string {
  const { minted } = firstRun;
  if (minted === undefined) return "";
  const isDemo = configuration.gateway.providers.every((provider) => provider.type === "demo");
  const lines = [
    "",
    `  Sentinel is listening on ${url}`,
    "",
    ...(minted.apiKey === undefined ? [] : [`  API key       ${minted.apiKey}`]),
    ...(minted.adminToken === undefined ? [] : [`  Admin token   ${minted.adminToken}`]),
    "",
    `  Shown this once, and kept in ${configuration.settings.dataDir}/credentials.json.`,
    ...(isDemo
      ? [
          "  No provider is configured: the built-in demo answers. Set for example OPENAI_API_KEY or",
          "  ANTHROPIC_API_KEY and restart, or run: npm run switch-llm. See docs/providers.md.",
        ]
      : []),
    ...(minted.apiKey === undefined ? [] : ["", "  Try it:", "", ...curl(url, minted.apiKey)]),
    "",
  ];
  return `${lines.join("\n")}\n`;
}

function curl(url: string, apiKey: string): string[] {
  return [
    `  curl ${url}/v1/chat/completions \\`,
    `    -H "authorization: Bearer ${apiKey}" \\`,
    `    -H "content-type: application/json" \\`,
    `    -d '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello!"}]}'`,
  ];
}
