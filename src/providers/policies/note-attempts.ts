import { toFailure } from "../../errors.ts";
import type { Attempt, Provider } from "../provider.ts";

/** Writes down each attempt on a target, whatever comes of it. */
export const noteAttempts = (inner: Provider, providerName: string): Provider => ({
  send: async (call) => {
    const attempt: Attempt = {
      provider: providerName,
      model: call.model,
      startedTickMs: performance.now(),
    };
    call.attempts.push(attempt);
    try {
      const reply = await inner.send(call);
      attempt.status = 200;
      return reply;
    } catch (thrown) {
      const failure = toFailure(thrown);
      attempt.errorKind = failure.kind;
      attempt.status = failure.status;
      throw failure;
    } finally {
      attempt.answeredTickMs = performance.now();
    }
  },
});
