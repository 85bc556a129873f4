import { Failure } from "../../../errors.ts";

/** What cannot be asked of Gemini; another target may take it. `param` is written as `messages[0].content`. */
export function fault(param: string, message: string): Failure {
  return new Failure("invalid_value", message, { param, recovery: "fallback" });
}
