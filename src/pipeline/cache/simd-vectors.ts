import { dotProductsModule } from "./dot-products-module.ts";
import { wasm, type WasmMemory } from "./web-assembly.ts";

/** Smaller tables are as fast without. */
export const placesPerScanMin = 1_000;

const floatBytes = Float32Array.BYTES_PER_ELEMENT;
const pageBytes = 65_536;
/** One step of the loop takes four times four numbers; a shorter rest is filled up with zeros. */
const floatsPerStep = 16;

interface DotProducts {
  /** Of the vector at `asked` and each of `count` (not 0) vectors from `vectors` on, written from `found` on; all in bytes. */
  scan(asked: number, vectors: number, found: number, count: number, vectorBytes: number): void;
}

/** Vectors in a memory of WebAssembly: first what is asked, then what is found, then they. */
export class SimdVectors {
  readonly #dimensions: number;
  readonly #vectorBytes: number;
  readonly #vectorsStart: number;
  readonly #memory: WasmMemory;
  readonly #dotProducts: DotProducts;
  #floats: Float32Array;

  private constructor(dimensions: number, placesMax: number) {
    this.#dimensions = dimensions;
    this.#vectorBytes = Math.ceil(dimensions / floatsPerStep) * floatsPerStep * floatBytes;
    this.#vectorsStart =
      this.#vectorBytes + Math.ceil(placesMax / floatsPerStep) * floatsPerStep * floatBytes;
    const most = this.#vectorsStart + placesMax * this.#vectorBytes;
    this.#memory = new wasm.Memory({ initial: 1, maximum: Math.ceil(most / pageBytes) + 1 });
    this.#floats = new Float32Array(this.#memory.buffer);
    this.#grow(placesPerScanMin + 1);
    const { exports } = new wasm.Instance(dotProductsModule(), { e: { m: this.#memory } });
    this.#dotProducts = exports as DotProducts;
  }

  /** Undefined where the machine has no such memory left: each reserves gigabytes of addresses, of which there is an end. */
  static open(dimensions: number, placesMax: number): SimdVectors | undefined {
    try {
      return new SimdVectors(dimensions, placesMax);
    } catch {
      return undefined; // The caller goes on without, three times slower.
    }
  }

  get bytes(): number {
    return this.#floats.byteLength;
  }

  set(place: number, vector: Float32Array | undefined): void {
    this.#grow(place + 1);
    const start = (this.#vectorsStart + place * this.#vectorBytes) / floatBytes;
    if (vector === undefined) this.#floats.fill(0, start, start + this.#dimensions);
    else this.#floats.set(vector, start);
  }

  similarities(asked: Float32Array, count: number): Float32Array {
    this.#floats.set(asked, 0);
    if (count > 0)
      this.#dotProducts.scan(0, this.#vectorsStart, this.#vectorBytes, count, this.#vectorBytes);
    const start = this.#vectorBytes / floatBytes;
    return this.#floats.subarray(start, start + count);
  }

  #grow(places: number): void {
    const needed = this.#vectorsStart + places * this.#vectorBytes;
    const missing = needed - this.#memory.buffer.byteLength;
    if (missing <= 0) return;
    this.#memory.grow(Math.ceil(missing / pageBytes));
    this.#floats = new Float32Array(this.#memory.buffer);
  }
}
