import { embedderFolder, installEmbedder } from "./embedder/install.ts";

/** Tests of the local embedder need its model: without it they are skipped, and say so. */
export async function installTestEmbedder(): Promise<void> {
  try {
    await installEmbedder(embedderFolder);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    console.log(`WARNING: tests of the local embedder are skipped. ${why}`);
  }
}
