import { Redis } from "ioredis";
import type { Cluster } from "ioredis";

import { readServerInfo } from "./server-info.ts";
import type { ServerInfo } from "./server-info.ts";

/** The server behind a connection is not the one of before: it was restarted, or another became master. */
export interface ServerChange {
  /** `host:port` of the node in a cluster; empty where there is one server. */
  readonly node: string;
  readonly runId: string;
}

export interface ServerWatch {
  /** Each time that a server was connected to and asked, the first time too. */
  onInfo(listener: (info: ServerInfo) => void): void;
  /** Each server that is connected to now, and each time that one is again. */
  onServer(listener: (server: Redis) => void): void;
  onChange(listener: (change: ServerChange) => void): void;
  /** Asks all servers now. Rejects with the first that does not answer. */
  look(): Promise<void>;
}

/** Asks each server who it is whenever a connection to it is made: nothing else can change it. */
export function watchServers(client: Redis | Cluster): ServerWatch {
  const infoListeners: ((info: ServerInfo) => void)[] = [];
  const serverListeners: ((server: Redis) => void)[] = [];
  const changeListeners: ((change: ServerChange) => void)[] = [];
  const runIds = new Map<string, string>();
  const masters = new Set<string>();

  const tell = (change: ServerChange): void => {
    for (const listener of changeListeners) listener(change);
  };
  const ask = async (name: string, node: Redis): Promise<void> => {
    const info = await readServerInfo(node);
    const before = runIds.get(name);
    runIds.set(name, info.runId);
    for (const listener of infoListeners) listener(info);
    if (before !== undefined && before !== info.runId) tell({ node: name, runId: info.runId });
  };
  const watch = (name: string, node: Redis): void => {
    node.on("ready", () => {
      for (const listener of serverListeners) listener(node);
      ask(name, node).catch(() => {
        // The connection broke again: the next one asks.
      });
    });
  };
  const nameOf = ({ options: { host, port } }: Redis): string => `${host ?? ""}:${port ?? ""}`;

  if (client instanceof Redis) {
    watch("", client);
  } else {
    for (const node of client.nodes("master")) watch(nameOf(node), node);
    client.on("+node", (node: Redis) => {
      watch(nameOf(node), node);
    });
    client.on("refresh", () => {
      for (const name of newMasters(client, masters)) tell({ node: name, runId: "" });
    });
  }
  return {
    onInfo: (listener) => void infoListeners.push(listener),
    onServer: (listener) => {
      serverListeners.push(listener);
      const nodes = client instanceof Redis ? [client] : client.nodes("master");
      for (const node of nodes) if (node.status === "ready") listener(node);
    },
    onChange: (listener) => void changeListeners.push(listener),
    look: async () => {
      const nodes = client instanceof Redis ? [client] : client.nodes("master");
      await Promise.all(
        nodes.map((node) => ask(client instanceof Redis ? "" : nameOf(node), node)),
      );
    },
  };
}

/** Nodes that have slots now and had none before. The first time there is no before. */
function newMasters(client: Cluster, known: Set<string>): string[] {
  const isFirst = known.size === 0;
  const now = new Set(client.slots.flatMap((nodes) => nodes.slice(0, 1)));
  const added = [...now].filter((name) => !known.has(name));
  known.clear();
  for (const name of now) known.add(name);
  return isFirst ? [] : added;
}
