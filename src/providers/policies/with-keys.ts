import { toFailure } from "../../errors.ts";
import type { Failure } from "../../errors.ts";
import { limitedMsDefault } from "../key-ring.ts";
import type { KeyRing, KeyUse } from "../key-ring.ts";
import { isOutOfMoney } from "../out-of-money.ts";
import type { Provider, ProviderCall } from "../provider.ts";
import type { SendWithKey } from "./note-attempts.ts";

/**
 * Sends with one of the provider's keys. One that is refused or has reached a limit rests, and the next takes
 * its place at once: that is no retry, because the provider is asked for what it has not yet refused.
 */
export const withKeys = (sendWithKey: SendWithKey, keys: KeyRing): Provider => {
  if (keys.isEmpty) return { send: (call) => sendWithKey(call, undefined) };
  return {
    send: async (call) => {
      let tried = none;
      let told: Failure | undefined;
      for (;;) {
        const use = keys.take(call, tried);
        if (use === undefined) throw told ?? new Error("a ring of keys has none");
        try {
          const reply = await sendWithKey({ ...call, apiKey: use.key.secret }, use.key.id);
          keys.noteAnswered(use, call.model);
          return reply;
        } catch (thrown) {
          const failure = toFailure(thrown);
          if (!noteOn(keys, use, call.model, failure)) throw failure;
          told = moreHopeful(failure, told);
          if (isOver(call)) throw told;
          tried = new Set(tried).add(use.key.id);
        }
      }
    },
  };
};

const none: ReadonlySet<string> = new Set();

/** Whether the failure was about the key, so that another may do better. */
function noteOn(keys: KeyRing, use: KeyUse, model: string, failure: Failure): boolean {
  switch (aboutKey(failure)) {
    case "refused":
      keys.noteRefused(use, failure.status);
      return true;
    case "refused-model":
      keys.noteModelRefused(use, model, failure.status);
      return true;
    case "limited":
      keys.noteLimited(use, model, failure.retryAfterMs);
      return true;
    case "nothing":
      return false;
  }
}

type AboutKey = "refused" | "refused-model" | "limited" | "nothing";

function aboutKey(failure: Failure): AboutKey {
  if (failure.kind !== "provider_rejected") return "nothing";
  const { status, body } = failure;
  // How OpenAI says that a project may not use one model, while its others work.
  // (https://github.com/Aider-AI/aider/issues/1903, read 2026-11-21)
  if (status === 403 && body.code === "model_not_found") return "refused-model";
  if (status === 401 || status === 402 || status === 403) return "refused";
  if (status !== 429) return "nothing";
  return isOutOfMoney(body) ? "refused" : "limited";
}

/** When no key is left the client hears of the one with which it may soonest come again. */
function moreHopeful(failure: Failure, before: Failure | undefined): Failure {
  return before === undefined || hopeMs(failure) <= hopeMs(before) ? failure : before;
}

function hopeMs(failure: Failure): number {
  if (aboutKey(failure) !== "limited") return Number.POSITIVE_INFINITY;
  return failure.retryAfterMs ?? limitedMsDefault;
}

/** Nobody waits for another attempt. */
function isOver({ signal, deadlineTickMs }: ProviderCall): boolean {
  return signal.aborted || performance.now() >= deadlineTickMs;
}
