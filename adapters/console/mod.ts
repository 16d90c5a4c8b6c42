/**
 * A console for those who write clients: it signs in as any user, makes every call, and shows what
 * would have gone to RongCloud. It is for development alone.
 *
 * @module
 */
export { inboxEvents } from "./events.ts";
export type { Inbox } from "./inbox.ts";
export { consoleRoutes } from "./routes.ts";
