/** A pause that can be cut short, which is no failure. */
export interface Pause extends Disposable {
  readonly over: Promise<void>;
  readonly isOver: boolean;
}

export function pause(ms: number): Pause {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    resolve(undefined);
  }, ms);
  return {
    over: promise,
    get isOver() {
      return isOver;
    },
    [Symbol.dispose]: () => {
      clearTimeout(timer);
    },
  };
}

/** Rejects when the work takes longer; the work itself goes on, and how it ends no longer matters. */
export async function within<Result>(
  ms: number,
  work: Promise<Result>,
  lateMessage: string,
): Promise<Result> {
  using limit = pause(ms);
  const late = limit.over.then(() => {
    throw new Error(`${lateMessage}: ${ms} ms were not enough.`);
  });
  late.catch(() => undefined); // Nobody waits for it once the work is done.
  return await Promise.race([work, late]);
}

/** Resolves to whether the work was done in time; its own failure counts as done. */
export async function isDoneWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  using limit = pause(ms);
  const done = work.then(
    () => true,
    () => true,
  );
  return await Promise.race([done, limit.over.then(() => false)]);
}
