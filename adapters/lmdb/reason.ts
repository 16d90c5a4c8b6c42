import { getSystemErrorName } from "node:util";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";

/** What went wrong, in words; an error number of the system gets its name. */
export const reasonOf = (fault: unknown): string => {
  if (!(fault instanceof Error)) {
    return String(fault);
  }
  return "code" in fault && typeof fault.code === "number" && fault.code > 0
    ? `${getSystemErrorName(-fault.code)}: ${fault.message}`
    : fault.message;
};

/** What went wrong, as a fault of the store. */
export const unavailable = (fault: unknown): StoreUnavailable => storeUnavailable(reasonOf(fault));
