import { Failure } from "../../errors.ts";
import type { AdapterOptions } from "../adapter-options.ts";
import type { Provider } from "../provider.ts";

/** Google's Gemini API. */
export function google(options: AdapterOptions): Provider {
  return {
    send: () =>
      Promise.reject(new Failure("unsupported_endpoint", `${options.name} is not there yet.`)),
  };
}
