/** What was asked took longer than whoever asked can wait. */
export class TookTooLong extends Error {
  override readonly name = "TookTooLong";

  constructor(limitMs: number) {
    super(`It took longer than ${limitMs} ms.`);
  }
}

/**
 * What `work` gives, if it does so in time; rejects with `TookTooLong`, or with the parent's reason, where it does not,
 * whether `work` heeds its signal or not.
 */
export function within<Result>(
  limitMs: number,
  work: (signal: AbortSignal) => Promise<Result>,
  parent?: AbortSignal,
): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const controller = new AbortController();
  const end = (reason: unknown): void => {
    reject(reason);
    controller.abort(reason);
  };
  const onAbort = (): void => {
    end(parent?.reason);
  };
  const timer = setTimeout(() => {
    end(new TookTooLong(limitMs));
  }, limitMs);
  parent?.addEventListener("abort", onAbort, { once: true });
  const settled = promise.finally(() => {
    clearTimeout(timer);
    parent?.removeEventListener("abort", onAbort);
  });
  if (parent?.aborted === true) onAbort();
  else void begun(work, controller.signal).then(resolve, reject);
  return settled;
}

/** What throws at once rejects, like what throws later. */
async function begun<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  return work(signal);
}
