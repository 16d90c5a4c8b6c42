import type { Case } from "../support/cases.ts";
import { fetchCases } from "../support/subjects/fetch.ts";
import { idCases } from "../support/subjects/ids.ts";
import { memoryCases } from "../support/subjects/memory.ts";

/** What needs nothing of its host: the core on the memory adapters, ids, the fetch face. */
export const portableCases: ReadonlyArray<Case> = [...memoryCases, ...idCases, ...fetchCases];
