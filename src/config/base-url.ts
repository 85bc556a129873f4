/** What is wrong with a provider's base URL, as the rest of a sentence. Never quotes it: it may hold a secret. */
export function baseUrlFault(text: string): string | undefined {
  const url = URL.parse(text.trim());
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    return "must be a URL with http:// or https://, for example https://llm.example.com/v1";
  }
  if (url.username !== "" || url.password !== "") {
    return "must hold no user name and no password; credentials belong to the API keys";
  }
  if (/[?#]/.test(text)) return "must end before any ? or #";
  const endpoint = endpointPath.exec(url.pathname)?.[0];
  return endpoint && `must end before the endpoint: leave off "${endpoint.replace(/\/+$/, "")}"`;
}

const endpointPath =
  /\/(chat\/completions|completions|embeddings|responses|moderations|messages(\/count_tokens)?|models(\/[^/]+:\w+)?)\/*$/;

/**
 * The one spelling of a base URL that passed: no slash at its end, and `barePath` where it had no path.
 * Ollama's users for example leave `/v1` out, OpenAI's write it.
 */
export function tidyBaseUrl(text: string, barePath: string): string {
  const url = new URL(text.trim());
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.origin}${path === "" ? barePath : path}`;
}

/** Where a listener can be reached. */
export interface Listener {
  /** What it is bound to. */
  readonly host: string;
  readonly ports: readonly number[];
  /** The machine's own names and addresses, which count when all of them are bound. */
  readonly ownNames: readonly string[];
}

/** Whether a request to this URL would come back to the listener. */
export function pointsAt({ host, ports, ownNames }: Listener, baseUrl: string): boolean {
  const url = URL.parse(baseUrl);
  if (url === null) return false;
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  if (!ports.includes(port)) return false;
  const name = bare(url.hostname);
  if (name === bare(host)) return true;
  if (anyAddress.has(bare(host))) return isLoopback(name) || ownNames.map(bare).includes(name);
  return isLoopback(bare(host)) && isLoopback(name);
}

const anyAddress: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);
const bare = (host: string) => host.toLowerCase().replace(/^\[|\]$|\.$/g, "");
const isLoopback = (host: string) =>
  /^127(\.\d+){3}$|^::1$|^::ffff:7f|(^|\.)localhost$/.test(host) || anyAddress.has(host);
