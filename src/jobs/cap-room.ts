/**
 * Calls of this process that hold room under a cap: each reserves the most that it can cost, and gives most of it back
 * when it is over. So whoever finds no room waits for them before he says that the cap is reached.
 */
export class CapRoom {
  readonly #held = new Map<string, Held>();
  #freedCount = 0;
  /** One attempt after the other: whoever is refused sees those that were not. */
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * Attempts until there is room, which is held from then on until `free`. `attempt` resolves to the index of the cap that
   * has none. Resolves to false where nobody here holds any of that cap, or the signal is aborted; rejects as `attempt`.
   */
  async take(
    ids: readonly string[],
    attempt: () => Promise<number | undefined>,
    signal: AbortSignal,
  ): Promise<boolean> {
    for (;;) {
      const { refusing, since } = await this.#inTurn(async () => {
        const freedBefore = this.#freedCount;
        const index = await attempt();
        if (index === undefined) this.#hold(ids);
        return { refusing: index, since: freedBefore };
      });
      if (refusing === undefined) return true;
      if (!(await this.#freed(ids[refusing] ?? "", since, signal))) return false;
    }
  }

  free(ids: readonly string[]): void {
    this.#freedCount++;
    for (const id of ids) {
      const held = this.#held.get(id);
      if (held === undefined) continue;
      held.next.resolve(undefined);
      held.next = Promise.withResolvers();
      if (--held.calls === 0) this.#held.delete(id);
    }
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const working = this.#turn.then(work);
    this.#turn = working.catch(() => undefined);
    return working;
  }

  #hold(ids: readonly string[]): void {
    for (const id of ids) {
      const held = this.#held.get(id);
      if (held === undefined) this.#held.set(id, { calls: 1, next: Promise.withResolvers() });
      else held.calls++;
    }
  }

  /** Resolves when some room was given back after `since`: to false where there is none to wait for. */
  async #freed(id: string, since: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#freedCount !== since) return true;
    const held = this.#held.get(id);
    if (held === undefined) return false;
    const aborted = Promise.withResolvers<undefined>();
    const stop = (): void => {
      aborted.resolve(undefined);
    };
    signal.addEventListener("abort", stop, { once: true });
    await Promise.race([held.next.promise, aborted.promise]);
    signal.removeEventListener("abort", stop);
    return !signal.aborted;
  }
}

interface Held {
  calls: number;
  /** Resolved by the next that is over. */
  next: PromiseWithResolvers<undefined>;
}
