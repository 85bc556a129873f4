/** How fast this machine is at the moment. Neighbours on a shared host change both figures. */
export interface Calibration {
  /** Parsing and writing 2 KB of JSON: how fast it computes. */
  readonly jsonMicroseconds: number;
  /** One read at a random place in 8 MB: how much of the shared cache is left to us. */
  readonly randomReadNanoseconds: number;
}

/** Takes about half a second. Figures of two runs compare only when their calibrations do. */
export function calibrate(): Calibration {
  return { jsonMicroseconds: timeJson(), randomReadNanoseconds: timeRandomReads() };
}

const jsonRepeats = 40_000;

function timeJson(): number {
  const content = "x".repeat(180);
  const messages = Array.from({ length: 10 }, () => ({ role: "user", content }));
  const text = JSON.stringify({ messages });
  const startMs = performance.now();
  for (let repeat = 0; repeat < jsonRepeats; repeat += 1) JSON.stringify(JSON.parse(text));
  return ((performance.now() - startMs) / jsonRepeats) * 1e3;
}

const placeCount = 2 ** 21;
const readCount = 2_000_000;

/** A step of 4 · odd + 1 visits all places of a power of two, in an order no prefetcher foresees. */
function timeRandomReads(): number {
  const next = new Uint32Array(placeCount);
  for (let place = 0; place < placeCount; place += 1) {
    next[place] = (Math.imul(place, 1_664_525) + 1_013_904_223) & (placeCount - 1);
  }
  let place = 0;
  const startMs = performance.now();
  for (let read = 0; read < readCount; read += 1) place = next[place] ?? 0;
  const nanoseconds = ((performance.now() - startMs) / readCount) * 1e6;
  // The place reached is used, so that the loop cannot be left out.
  return place < placeCount ? nanoseconds : Number.NaN;
}
