import { testCases } from "../support/contract.ts";
import { memoryCases } from "../support/subjects/memory.ts";

testCases(memoryCases);
