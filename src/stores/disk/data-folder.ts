import { access, constants, mkdir } from "node:fs/promises";

/** Makes the data directory if there is none, and says what to do where it cannot be made or written. */
export async function openDataFolder(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new Error(
      `The data directory ${dataDir} cannot be made or written (${code}). Give Sentinel's user the right to, or set SENTINEL_DATA_DIR to a folder that it may write.`,
      { cause: error },
    );
  }
}
