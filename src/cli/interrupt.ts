/** The first Ctrl-C aborts the signal; the second one ends the process, as it would without this. */
export function onInterrupt(onFirst: () => void): {
  readonly signal: AbortSignal;
  readonly end: () => void;
} {
  const controller = new AbortController();
  const interrupt = (): void => {
    end();
    onFirst();
    controller.abort();
  };
  const end = (): void => {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  return { signal: controller.signal, end };
}
