import type { Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/**
 * Resolves once every connection that the kernel has taken for this server so far has been handed to it. Closing a
 * listener resets those that still wait in the kernel's line, though their clients are connected and may have asked
 * already. How long the line is nobody tells us, so Sentinel stands in it itself: it is first come, first served.
 */
export async function untilLineIsServed(server: Server, untilMs: number): Promise<void> {
  const { address, port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => {
    const ours = connect({ host: anyAddress[address] ?? address, port });
    let movedMs = performance.now();
    const look = (theirs: Socket): void => {
      movedMs = performance.now();
      // One whose client has left meanwhile has no port.
      if (theirs.remotePort !== undefined && theirs.remotePort === ours.localPort) done();
    };
    const done = (): void => {
      clearInterval(standstill);
      clearTimeout(cap);
      server.off("connection", look);
      ours.destroy();
      resolve();
    };
    const standstill = setInterval(() => {
      // After a turn of the event loop: one that stood still has not looked at the line yet.
      setImmediate(() => {
        if (performance.now() - movedMs >= patienceMs) done();
      });
    }, patienceMs);
    const cap = setTimeout(done, Math.max(0, untilMs - performance.now()));
    server.on("connection", look);
    // Where Sentinel may not connect to itself, whoever waits in line is lost, as without this.
    ours.on("error", done);
  });
}

/** Reached at the loopback address, as is what listens on every address. */
const anyAddress: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/**
 * So long the line may stand still: then the process is out of descriptors. Node takes one connection per turn of the
 * event loop, so a long line in front of a busy process moves slowly; it is no longer than the listener's backlog.
 */
const patienceMs = 1_000;
