import { LLMock } from "@copilotkit/aimock";
import type { MockServerOptions } from "@copilotkit/aimock";

import { startSentinel } from "./process.ts";
import type { SentinelProcess } from "./process.ts";

/** The real process in front of a third party's mock of OpenAI, wired by the usual variables or by `yaml`. */
export interface SentinelAndMock extends AsyncDisposable {
  readonly sentinel: SentinelProcess;
  readonly mock: LLMock;
  /** What a client is configured with: Sentinel's address and its key. */
  readonly client: { readonly baseURL: string; readonly apiKey: string };
}

export interface SentinelAndMockOptions {
  readonly mock?: MockServerOptions;
  readonly env?: Readonly<Record<string, string>>;
  /** The sections of `sentinel.yaml` besides `providers`, which names the mock `openai`. */
  readonly yaml?: object;
  /** More fields of the provider `openai`, with `yaml`. */
  readonly provider?: object;
}

/** The key with which the mock is asked. */
export const upstreamKey = "sk-upstream-key-of-the-mock";

export async function startSentinelAndMock(
  options: SentinelAndMockOptions = {},
): Promise<SentinelAndMock> {
  const mock = await LLMock.create({ host: "127.0.0.1", port: 0, ...options.mock });
  const baseUrl = `${mock.url}/v1`;
  const openai = {
    type: "openai",
    base_url: baseUrl,
    api_keys: [upstreamKey],
    ...options.provider,
  };
  try {
    const sentinel = await startSentinel(
      options.yaml === undefined
        ? { env: { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: upstreamKey, ...options.env } }
        : {
            yaml: JSON.stringify({ providers: { openai }, ...options.yaml }),
            env: options.env ?? {},
          },
    );
    return {
      sentinel,
      mock,
      client: { baseURL: `${sentinel.url}/v1`, apiKey: sentinel.apiKey },
      [Symbol.asyncDispose]: async () => {
        await sentinel[Symbol.asyncDispose]();
        await mock.stop();
      },
    };
  } catch (error) {
    await mock.stop();
    throw error;
  }
}
