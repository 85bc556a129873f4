/** The one that the bootstrap draws with. */
export { seededRandom } from "../../src/lib/statistics/seeded-random.ts";
