import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/*
 * The one-shot service `init` of docker-compose.yml: makes the secrets that its services share, once, so that nothing has a
 * password that somebody could know. Each service has a volume of its own and sees the secrets that it needs.
 *
 * The files are readable for everybody inside that volume, since each service runs as a user of its own, and are reached by
 * nobody who does not have the volume. What is there stays. A volume that was removed gets the metrics token and the URL of
 * Redis as they were, since others have what they are made of; what it alone had is new.
 */
const root = process.argv[2] ?? "/secrets";

const metricsToken = await secretOf(["sentinel/metrics_token", "prometheus/metrics_token"]);
const redisPassword = await secretOf(["redis/redis_password"]);
const masterKey = await secretOf(["sentinel/master_key"]);
const grafanaPassword = await secretOf(["grafana/admin_password"]);

await write("sentinel/metrics_token", metricsToken);
await write("sentinel/master_key", masterKey);
await write("sentinel/redis_url", `redis://:${redisPassword}@redis:6379`);
await write("prometheus/metrics_token", metricsToken);
await write("redis/redis_password", redisPassword);
// A file, not an argument: arguments are in the list of processes.
await write("redis/redis.conf", `requirepass ${redisPassword}\n`);
await write("grafana/admin_password", grafanaPassword);
console.log("The secrets are in their volumes.");

/** The one that is in one of these files; a new one if there is none. */
async function secretOf(names) {
  for (const name of names) {
    const text = await readFile(join(root, name), "utf8").catch((error) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    if (text.trim() !== "") return text.trim();
  }
  return randomBytes(32).toString("hex");
}

/** Whole or not at all. */
async function write(name, text) {
  const path = join(root, name);
  await mkdir(join(path, ".."), { recursive: true });
  // Left by a run that was broken off: without capabilities root may not write to it either.
  await rm(`${path}.new`, { force: true });
  await writeFile(`${path}.new`, text, { mode: 0o444 });
  await chmod(`${path}.new`, 0o444); // Whatever the umask says.
  await rename(`${path}.new`, path);
}
