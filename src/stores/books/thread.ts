import { parentPort, workerData } from "node:worker_threads";

import { bookStores } from "./book-stores.ts";
import type { BooksConfig } from "./protocol.ts";
import { eventPoster, serveBooks } from "./serve-books.ts";

/** The books thread. It is started by `keep-thread.ts` and by nothing else. */
if (parentPort !== null) {
  const config = workerData as BooksConfig;
  const stores = bookStores(config, eventPoster(parentPort));
  serveBooks(parentPort, { dataDir: config.dataDir, stores });
}
