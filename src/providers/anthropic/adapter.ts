import { Failure } from "../../errors.ts";
import type { AdapterOptions } from "../adapter-options.ts";
import type { Provider } from "../provider.ts";

/** Anthropic's Messages API. */
export function anthropic(options: AdapterOptions): Provider {
  return {
    send: () =>
      Promise.reject(new Failure("unsupported_endpoint", `${options.name} is not there yet.`)),
  };
}
