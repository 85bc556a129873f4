import { wasm } from "./web-assembly.ts";

let compiled: object | undefined;

/**
 * `scan(asked, vectors, found, count, vectorBytes)`: the dot product of one vector with each of many, in four sums of four
 * numbers (v128). Written by hand because it is one loop in a loop, and a compiler would be a dependency:
 *
 *   do { at = asked; end = asked + vectorBytes; sums = 0
 *        do { for s in 0..3: sums[s] += f32x4(at + 16 s) * f32x4(vectors + 16 s); vectors += 64; at += 64 } while (at < end)
 *        *found = all sums added; found += 4 } while (--count)
 *
 * (WebAssembly Core 2.0, binary format, webassembly.github.io/spec/core/binary)
 */
export function dotProductsModule(): object {
  return (compiled ??= new wasm.Module(new Uint8Array(bytesOfModule())));
}

const i32 = 0x7f;
const v128 = 0x7b;

/** Parameters, then locals. */
const asked = 0;
const vectors = 1;
const found = 2;
const count = 3;
const vectorBytes = 4;
const end = 5;
const at = 6;
const sums = [7, 8, 9, 10] as const;

const op = { get: 0x20, set: 0x21, tee: 0x22, add: 0x6a, subtract: 0x6b, isBelow: 0x49 } as const;
const beginLoop = [0x03, 0x40];
const again = [0x0d, 0];
const close = [0x0b];
const storeF32 = [0x38, 2, 0];
const addF32 = [0x92];
const simd = (code: number): readonly number[] => [0xfd, ...unsigned(code)];
const loadV128 = (offset: number): readonly number[] => [...simd(0), 4, ...unsigned(offset)];
const zeroV128 = [...simd(12), ...new Array<number>(16).fill(0)];
const lane = (index: number): readonly number[] => [...simd(0x1f), index];
const addF32x4 = simd(0xe4);
const multiplyF32x4 = simd(0xe6);
/** 64, as the signed number that the format wants. */
const stepBytes = [0x41, 0xc0, 0x00];

function bytesOfModule(): number[] {
  const code = [...[2, 2, i32, 4, v128], ...instructions()];
  return [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 5, i32, i32, i32, i32, i32, 0]),
    ...section(2, [1, ...text("e"), ...text("m"), 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text("scan"), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ];
}

function instructions(): number[] {
  const [first, second, third, fourth] = sums;
  return [
    ...beginLoop,
    ...[op.get, asked, op.set, at],
    ...[op.get, asked, op.get, vectorBytes, op.add, op.set, end],
    ...sums.flatMap((sum) => [...zeroV128, op.set, sum]),
    ...beginLoop,
    ...sums.flatMap((sum, index) => addProduct(sum, index * 16)),
    ...[op.get, vectors, ...stepBytes, op.add, op.set, vectors],
    ...[op.get, at, ...stepBytes, op.add, op.tee, at, op.get, end, op.isBelow],
    ...again,
    ...close,
    ...[op.get, first, op.get, second, ...addF32x4],
    ...[op.get, third, op.get, fourth, ...addF32x4, ...addF32x4, op.set, first],
    ...[op.get, found],
    ...[op.get, first, ...lane(0), op.get, first, ...lane(1), ...addF32],
    ...[op.get, first, ...lane(2), op.get, first, ...lane(3), ...addF32, ...addF32],
    ...storeF32,
    ...[op.get, found, 0x41, 4, op.add, op.set, found],
    ...[op.get, count, 0x41, 1, op.subtract, op.tee, count],
    ...again,
    ...close,
    ...close,
  ];
}

const addProduct = (sum: number, offset: number): readonly number[] => [
  ...[op.get, at, ...loadV128(offset), op.get, vectors, ...loadV128(offset), ...multiplyF32x4],
  ...[op.get, sum, ...addF32x4, op.set, sum],
];

const section = (id: number, content: readonly number[]): readonly number[] => [
  id,
  ...unsigned(content.length),
  ...content,
];

const text = (name: string): readonly number[] => [name.length, ...Buffer.from(name)];

/** LEB128. */
function unsigned(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}
