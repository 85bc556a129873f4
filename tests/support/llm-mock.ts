import { LLMock } from "@copilotkit/aimock";

/** A provider that nobody here wrote. Its base URL has `/v1`. */
export interface RunningMock extends AsyncDisposable {
  readonly baseUrl: string;
  readonly mock: LLMock;
}

export async function startMock(prepare: (mock: LLMock) => void): Promise<RunningMock> {
  const mock = new LLMock({ port: 0 });
  prepare(mock);
  await mock.start();
  return { baseUrl: `${mock.url}/v1`, mock, [Symbol.asyncDispose]: () => mock.stop() };
}
