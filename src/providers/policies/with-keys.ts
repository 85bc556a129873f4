import { Failure } from "../../errors.ts";
import type { KeyRing } from "../key-ring.ts";
import type { Provider } from "../provider.ts";

/** Sends with one of the provider's keys; one that is refused rests, and another takes its place at once. */
export const withKeys = (inner: Provider, keys: KeyRing): Provider => ({
  send: async (call) => {
    for (;;) {
      const apiKey = keys.next();
      try {
        return await inner.send({ ...call, apiKey });
      } catch (failure) {
        if (apiKey === undefined || !isCredentialRefused(failure)) throw failure;
        keys.noteRefused(apiKey);
        if (!keys.hasOthers) throw failure;
      }
    }
  },
});

function isCredentialRefused(failure: unknown): boolean {
  return (
    failure instanceof Failure &&
    failure.kind === "provider_rejected" &&
    (failure.status === 401 || failure.status === 402 || failure.status === 403)
  );
}
