import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { platform } from "node:os";
import { join } from "node:path";

/** Where the processes that use one store meet. */
export interface MeetingPlaces {
  /** Who holds this owns the store: a socket's name, or a file to lock. */
  readonly ownership: string;
  /** Here the owner answers the others. */
  readonly channel: string;
}

/** The meeting places of the store in `dir`. */
export const meetingPlacesOf = async (dir: string): Promise<MeetingPlaces> => {
  const { dev, ino } = await stat(dir);
  const id = createHash("sha256").update(`${dev}:${ino}`).digest("hex").slice(0, 32);
  const channel = join(dir, "store.sock");
  switch (platform()) {
    case "linux":
      return { ownership: `\0sealtalk-misc-${id}`, channel };
    case "win32":
      return {
        ownership: `\\\\.\\pipe\\sealtalk-misc-${id}`,
        channel: `\\\\.\\pipe\\sealtalk-misc-${id}-store`,
      };
    default:
      return { ownership: join(dir, "store.owner"), channel };
  }
};

/** Gives a store up: from then on another process may own it. */
export type Release = () => Promise<void>;

/**
 * Becomes the owner of a store, unless another process of this machine is. The kernel ends an
 * ownership with its process, however that ends: on Linux it is an abstract socket, on Windows a
 * named pipe, on macOS and the BSDs a lock on a file.
 */
export const tryToOwn = ({ ownership }: MeetingPlaces): Promise<Release | undefined> => {
  switch (platform()) {
    case "linux":
    case "win32":
      return listen(ownership);
    case "darwin":
    case "freebsd":
    case "openbsd":
    case "netbsd":
      return lock(ownership);
    default:
      throw new Error(`an embedded store cannot be owned on ${platform()}`);
  }
};

const listen = (name: string): Promise<Release | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (fault: NodeJS.ErrnoException) =>
      fault.code === "EADDRINUSE" ? resolve(undefined) : reject(fault),
    );
    // In a worker of node:cluster all would share what one listens on, and each would be the owner.
    server.listen({ path: name, exclusive: true }, () => {
      server.unref();
      resolve(
        () =>
          new Promise((released) => {
            server.close(() => released());
          }),
      );
    });
  });

// open(2) of macOS and the BSDs locks as it opens; Node has no name for the flag.
const O_EXLOCK = 0x20;

const lock = async (path: string): Promise<Release | undefined> => {
  try {
    const { O_RDWR, O_CREAT, O_NONBLOCK } = constants;
    const file = await open(path, O_RDWR | O_CREAT | O_NONBLOCK | O_EXLOCK, 0o600);
    return () => file.close();
  } catch (fault) {
    if (fault instanceof Error && "code" in fault && fault.code === "EAGAIN") {
      return undefined;
    }
    throw fault;
  }
};
