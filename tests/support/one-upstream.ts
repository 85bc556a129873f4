import { startGateway } from "./gateway.ts";
import type { TestGateway } from "./gateway.ts";
import { startScriptedUpstream } from "./scripted-upstream.ts";
import type { Script, ScriptedUpstream } from "./scripted-upstream.ts";

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
  const { type = "openai", provider, models } = options;
  const test = {
    type,
    base_url: upstream.baseUrl,
    api_keys: ["sk-upstream"],
    models: ["m"],
    ...provider,
  };
  const gateway = await startGateway({
    yaml: yamlOf({ providers: { test }, ...(models === undefined ? {} : { models }) }),
    env: { ...impatient, ...options.env },
  });
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
