import { startGateway } from "./gateway.ts";
import type { TestGateway } from "./gateway.ts";
import { startScriptedUpstream } from "./scripted-upstream.ts";
import type { Script, ScriptedUpstream } from "./scripted-upstream.ts";
import { shareGateway } from "./shared-gateway.ts";

/** A gateway in front of one scripted upstream: provider `test`, which has the model `m`. */
export interface OneUpstream extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly upstream: ScriptedUpstream;
  /** `POST /v1/chat/completions` for the model `m`, with these fields besides. */
  chat(fields?: object, headers?: Record<string, string>): Promise<Response>;
}

export interface OneUpstreamOptions {
  readonly script?: Script;
  /** `openai` where nothing else is said: its answers go through untouched. */
  readonly type?: string;
  /** More fields of the provider. */
  readonly provider?: object;
  /** The section `models`. */
  readonly models?: object;
  readonly env?: Readonly<Record<string, string>>;
}

export async function startOneUpstream(options: OneUpstreamOptions = {}): Promise<OneUpstream> {
  const upstream = await startScriptedUpstream(options.script);
  const yaml = yamlFor(upstream, options);
  const gateway = await startGateway({ yaml, env: { ...impatient, ...options.env } });
  return oneUpstream(upstream, gateway);
}

/** What can be changed while a gateway runs. */
export type SharedUpstreamOptions = Omit<OneUpstreamOptions, "env">;

/** The same on the one gateway of a file (`shared-gateway.ts`); the upstream is a new one each time. */
export function shareOneUpstream(): (options?: SharedUpstreamOptions) => Promise<OneUpstream> {
  const lend = shareGateway(impatient);
  return async (options = {}) => {
    const upstream = await startScriptedUpstream(options.script);
    return oneUpstream(upstream, await lend(yamlFor(upstream, options)));
  };
}

function yamlFor(upstream: ScriptedUpstream, options: SharedUpstreamOptions): string {
  const { type = "openai", provider, models } = options;
  const test = {
    type,
    base_url: upstream.baseUrl,
    api_keys: ["sk-upstream"],
    models: ["m"],
    ...provider,
  };
  return yamlOf({ providers: { test }, ...(models === undefined ? {} : { models }) });
}

function oneUpstream(upstream: ScriptedUpstream, gateway: TestGateway): OneUpstream {
  return {
    gateway,
    upstream,
    chat: (fields = {}, headers = {}) =>
      gateway.post("/v1/chat/completions", chatBody(fields), headers),
    [Symbol.asyncDispose]: async () => {
      await gateway.close();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** A test that leaves requests running does not wait for them. */
export const impatient = { SENTINEL_DRAIN_TIMEOUT_MS: "50" } as const;

export const messages = [{ role: "user", content: "Hi" }] as const;

export const chatBody = (fields: object = {}): object => ({ model: "m", messages, ...fields });

/** JSON is YAML. */
export const yamlOf = (config: object): string => JSON.stringify(config);
