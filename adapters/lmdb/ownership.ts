import { createHash } from "node:crypto";
import { rm, stat } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { platform } from "node:os";
import { isAbsolute, join } from "node:path";

/** Where the processes that use one store meet. */
export interface MeetingPlaces {
  /** Who listens here owns the store. */
  readonly ownership: string;
  /** Here the owner answers the others. */
  readonly channel: string;
}

/**
 * The meeting places of the store in `dir`. The kernel gives up an abstract socket (Linux) and a
 * named pipe (Windows) with their process, however that ends; a socket file stays.
 */
export const meetingPlacesOf = async (dir: string): Promise<MeetingPlaces> => {
  const { dev, ino } = await stat(dir);
  const id = createHash("sha256").update(`${dev}:${ino}`).digest("hex").slice(0, 32);
  const file = join(dir, "store.sock");
  switch (platform()) {
    case "linux":
      return { ownership: `\0sealtalk-misc-${id}`, channel: file };
    case "win32":
      return {
        ownership: `\\\\.\\pipe\\sealtalk-misc-${id}`,
        channel: `\\\\.\\pipe\\sealtalk-misc-${id}-store`,
      };
    default:
      return { ownership: join(dir, "store.owner"), channel: file };
  }
};

/** Gives a store up: from then on another process may own it. */
export type Release = () => Promise<void>;

/** Becomes the owner of a store, unless another process of this machine is. */
export const tryToOwn = async ({ ownership }: MeetingPlaces): Promise<Release | undefined> => {
  const server = await listening(ownership);
  if (server !== undefined) {
    return () => closed(server);
  }
  if (isAbsolute(ownership) && !(await answers(ownership))) {
    await rm(ownership, { force: true });
  }
  return undefined;
};

const listening = (path: string): Promise<Server | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (fault: NodeJS.ErrnoException) =>
      fault.code === "EADDRINUSE" ? resolve(undefined) : reject(fault),
    );
    server.listen(path, () => resolve(server.unref()));
  });

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
  });
